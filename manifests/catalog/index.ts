export {
  CAPABILITIES,
  type CapabilityName,
  type CapabilityRow,
  capabilityRow,
  isCapability,
  type Scope,
  type ScopeKey,
} from './capabilities.ts';
export { CODES, type Code, isCode } from './codes.ts';
export { EVENTS, type EventRow, type EventType, eventRow, isHostEvent } from './events.ts';
export { HOOKS, type HookKind, type HookName, type HookRow, hookRow, isHook } from './hooks.ts';
