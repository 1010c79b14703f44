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
export { EVENTS, type EventType, eventRow, isHostEvent } from './events.ts';
export { HOOKS, type HookName, type HookRow, hookRow, isHook } from './hooks.ts';
