import { randomFillSync } from 'node:crypto';

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
/** Random bytes are drawn for hundreds of ids at once: the system answers one request as fast as the next. */
const pool = Buffer.alloc(8_192);
let taken = pool.length;

/** So many random bytes in lower-case hex. */
function randomHex(bytes: number): string {
  if (taken + bytes > pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  taken += bytes;
  return pool.toString('hex', taken - bytes, taken);
}

/** A trace id that begins a trace (W3C Trace Context §3.2.2.3): 32 hex digits. */
export function newTraceId(): string {
  return randomHex(16);
}

/** The `traceparent` of a message of ours (W3C Trace Context §3.2): the same trace, a new span, not sampled. */
export function traceparentOf(traceId: string): string {
  return `00-${traceId}-${randomHex(8)}-00`;
}

/** Whether it can be sent on as one. */
export function isTraceId(text: string): boolean {
  return TRACE_ID.test(text);
}
