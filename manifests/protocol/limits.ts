/** Sizes and times both sides of the wall agree on. A name says its unit. */

/** A frame longer than this ends the cell. */
export const MAX_FRAME_BYTES = 1_048_576;
/** What one call may hand in or out, as JSON: leaves room for the frame around it. */
export const MAX_PAYLOAD_BYTES = 1_000_000;
/** A log line longer than this is cut inside the sandbox. */
export const MAX_LOG_BYTES = 8_192;
/** Log lines a cell may send in a second; the rest is counted and dropped. */
export const MAX_LOGS_PER_SECOND = 200;
/** An error message from the guest is cut to this. */
export const MAX_ERROR_CHARS = 2_000;
/** The stack that goes with it, kept for the logs of the extension. */
export const MAX_STACK_CHARS = 8_000;
/** Host calls of one cell that may wait for an answer at the same time. */
export const MAX_HOST_CALLS_IN_FLIGHT = 64;
/** Timers a guest may have open at the same time. */
export const MAX_TIMERS = 1_000;
/** How often a cell says it is alive. */
export const HEARTBEAT_MS = 250;
/** Heartbeats that may be missed before the cell is killed. */
export const HEARTBEAT_MISSES = 3;
/** How long over its deadline a guest may run before it is killed. */
export const KILL_GRACE_MS = 300;
