import { newTraceId } from '../../../kernel/trace.ts';

/** W3C Trace Context §3.2: version, trace id, parent id, flags; later versions may append to it. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The trace id a caller sent in a valid `traceparent`, or a fresh one: 32 hex digits. */
export function traceIdFrom(traceparent: unknown): string {
  const match = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null;
  if (match?.[2] === undefined) return newTraceId();
  // Version 00 has exactly four fields.
  return match[1] === '00' && match[3] !== undefined ? newTraceId() : match[2];
}
