import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { StoredEvent } from '../ports.ts';

/**
 * What became of an event. `parked`: the extension does not run; keep the place and stop. `withheld`: it may not see the
 * event, which is stepped over. `behind`: one before it was not handled, so it was not begun.
 */
export type DeliveryOutcome = 'handled' | 'parked' | 'withheld' | 'behind';

/** The event is done with, and the next one may be handled. */
export function isOver(outcome: DeliveryOutcome): boolean {
  return outcome === 'handled' || outcome === 'withheld';
}

/**
 * Hands events to an extension, one after the other, each when the one before it was handled. What an outcome rejects
 * with means: try again. `again`: by a replay or from the dead letters, beside what the subscription has come to.
 */
export type Deliver = (
  extension: ExtensionId,
  events: readonly StoredEvent[],
  again: boolean,
) => Promise<DeliveryOutcome>[];

/** Hands over events by what takes one at a time. */
export function inTurn(
  events: readonly StoredEvent[],
  deliver: (event: StoredEvent) => Promise<DeliveryOutcome>,
): Promise<DeliveryOutcome>[] {
  let before: Promise<DeliveryOutcome> = Promise.resolve('handled');
  return events.map((event) => {
    before = before.then(
      (outcome) => (isOver(outcome) ? deliver(event) : 'behind'),
      () => 'behind',
    );
    return before;
  });
}
