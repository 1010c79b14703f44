import type { Json } from '../../manifests/json.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { requestOf } from '../events/event-context.ts';
import type { DeliveryOutcome } from '../events/in-turn.ts';
import type { StoredEvent } from '../ports.ts';
import type { GuestCall } from '../sandbox/cell.ts';
import { CallNotTaken } from '../sandbox/death.ts';
import { budget } from './guest.ts';

/** The call that hands an event to its handler. */
export function handlingOf(manifest: Manifest, event: StoredEvent): GuestCall {
  return {
    target: { kind: 'event', name: event.event_type },
    payload: event as unknown as Json,
    options: { request: requestOf(event), ...budget(manifest) },
  };
}

/**
 * What became of an event by that call.
 * @param isAlone no other event kept it from being handled
 * @throws what the handler threw
 */
export async function outcomeOf(
  handling: Promise<void> | undefined,
  isAlone: boolean,
): Promise<DeliveryOutcome> {
  try {
    await handling;
    return 'handled';
  } catch (failure) {
    if (failure instanceof CallNotTaken && !isAlone) return 'behind';
    throw failure;
  }
}
