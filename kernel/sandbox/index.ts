// What the host starts and tells of, and the parts that the sandbox with a debugger (host/cli/dev/debugger) is made of.

export { CallTable, type NewCall, type PendingCall } from './call-table.ts';
export type {
  CellOwner,
  CellStats,
  EndpointAnswer,
  ExtensionProcess,
  GuestCall,
  InvokeOptions,
  ProcessOptions,
  Sandbox,
} from './cell.ts';
export { abortError, protocolBroken, tooLarge } from './cell-errors.ts';
export { openStream } from './cell-stream.ts';
export { CallNotTaken, type Death, readDeath, same } from './death.ts';
export { guestContext } from './guest-context.ts';
export { GuestFrames } from './guest-frames.ts';
export { invokeIn } from './invoke-in.ts';
export { type JailFacts, probeJail } from './jail.ts';
export type { Namespace } from './jail-plan.ts';
export type { LaunchedCell } from './launch.ts';
export { createLauncher } from './launcher.ts';
export { loadFrames } from './load-frames.ts';
export type { Step } from './probe-jail.ts';
export { isPowerless } from './process-status.ts';
export { createSandbox } from './sandbox.ts';
