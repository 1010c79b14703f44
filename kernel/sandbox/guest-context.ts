import type { GuestCallContext } from '../../manifests/protocol/frames.ts';
import type { InvokeOptions } from './cell.ts';

/** What a guest is handed with a call, as JSON text. */
export function guestContext({ request, deadlineMs, chain = [] }: InvokeOptions): string {
  const context: GuestCallContext = {
    request,
    deadlineMs: Math.round(deadlineMs),
    caller: chain.at(-1) ?? null,
  };
  return JSON.stringify(context);
}
