export {
  CAPABILITIES,
  type CapabilityName,
  capabilityRow,
  isCapability,
  type Scope,
  type ScopeKey,
  scopeValueProblems,
} from './capabilities.ts';
export { CODES, type Code, isCode } from './codes.ts';
export type { ComponentId } from './components.ts';
export { EVENTS, type EventType, eventRow, isHostEvent } from './events.ts';
export {
  HOOKS,
  type HookKind,
  type HookName,
  type HookRow,
  hookRow,
  isHook,
  isTapped,
  type TappedRow,
} from './hooks.ts';
export { HOST_ROLES, isHostRole } from './host-roles.ts';
