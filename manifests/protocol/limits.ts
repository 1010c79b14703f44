/** Sizes and times both sides of the wall agree on. A name says its unit. */

/** A frame longer than this ends the cell. */
export const MAX_FRAME_BYTES = 1_048_576;
/** What one call may hand in or out, as JSON: leaves room for the frame around it. */
export const MAX_PAYLOAD_BYTES = 1_000_000;
/** A log line longer than this is cut inside the sandbox. */
export const MAX_LOG_BYTES = 8_192;
/** Log lines a cell may send in a second; the rest is counted and dropped. */
export const MAX_LOGS_PER_SECOND = 200;
/**
 * Events a cell may publish in a second, however many host calls it has: each is a durable write, and is handed to
 * whoever hears it.
 */
export const MAX_EVENTS_PER_SECOND = 1_000;
/** An error message from the guest is cut to this. */
export const MAX_ERROR_CHARS = 2_000;
/** The name of its class is cut to this. */
export const MAX_ERROR_CLASS_CHARS = 64;
/** The stack that goes with it, kept for the logs of the extension. */
export const MAX_STACK_CHARS = 8_000;
/** Host calls of one cell that may wait for an answer at the same time. */
export const MAX_HOST_CALLS_IN_FLIGHT = 64;
/**
 * Bytes either side may have sent that the other has not worked off: calls and answers to host calls one way,
 * host calls and log lines the other way. The receiver gives credit back as it works; more ends the cell.
 */
export const CREDIT_BYTES = 4 * MAX_FRAME_BYTES;
/** Credit is given back in portions of at least this. */
export const CREDIT_PORTION_BYTES = CREDIT_BYTES / 4;
/** How deep JSON from a guest may be nested: whoever walks it must not run out of stack. */
export const MAX_JSON_DEPTH = 200;
/** Members of objects in one JSON text of a guest: they, not its length, make it slow to parse. */
export const MAX_JSON_MEMBERS = 40_000;
/** The same for the parameters of a host call, which are walked more than once. */
export const MAX_PARAM_MEMBERS = 20_000;
/** Calls that may be in one cell, or wait for it, at the same time. */
export const MAX_CALLS_IN_FLIGHT = 10_000;
/** Streams that endpoints of one cell may have open at the same time. */
export const MAX_STREAMS = 100;
/** Milliseconds after which a stream is cut, however lively. */
export const MAX_STREAM_MS = 600_000;
/** Timers a guest may have open at the same time. */
export const MAX_TIMERS = 1_000;
/** How often a cell says it is alive. */
export const HEARTBEAT_MS = 250;
/** Heartbeats that may be missed before the cell is killed. */
export const HEARTBEAT_MISSES = 3;
/** How long over its deadline a guest may run before it is killed. */
export const KILL_GRACE_MS = 300;
/** Frames that leave in one write: more would keep one side waiting for the other, and fewer cost a system call each. */
export const FRAMES_TOGETHER = 8;
