import { randomUUID } from 'node:crypto';

/** W3C Trace Context §3.2: version, trace id, parent id, flags; later versions may append to it. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The trace id a caller sent in a valid `traceparent`, or a fresh one: 32 hex digits. */
export function traceIdFrom(traceparent: unknown): string {
  const match = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null;
  if (match?.[2] === undefined) return randomUUID().replaceAll('-', '');
  // Version 00 has exactly four fields.
  return match[1] === '00' && match[3] !== undefined ? randomUUID().replaceAll('-', '') : match[2];
}

/** The `traceparent` of an answer: the same trace, a span of our own, not sampled. */
export function traceparentOf(traceId: string): string {
  return `00-${traceId}-${randomUUID().replaceAll('-', '').slice(0, 16)}-00`;
}
