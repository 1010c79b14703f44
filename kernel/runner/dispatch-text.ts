import type { HostFrame } from '../../manifests/protocol/frames.ts';

/**
 * A call as the prelude takes it (`GuestEntries.dispatch`). In one piece: each argument that crosses into the isolate
 * costs about a microsecond. Names and JSON texts have no line breaks in them.
 */
export function dispatchText({ target, payload, context }: Extract<HostFrame, { t: 'call' }>): string {
  return `${target.kind}\n${target.name}\n${context}\n${payload}`;
}
