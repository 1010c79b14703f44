import type { Json } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { requestOf } from '../events/event-context.ts';
import { HandlingTransaction } from '../events/handling-transaction.ts';
import { type Deliver, type DeliveryOutcome, inTurn } from '../events/in-turn.ts';
import type { StoredEvent } from '../ports.ts';
import type { GuestCall } from '../sandbox/cell.ts';
import { CallNotTaken } from '../sandbox/death.ts';
import { budget } from './guest.ts';
import type { Parts } from './parts.ts';
import type { Running } from './running-extensions.ts';

/** Hands events to their subscribers that run here, as far as they may see them (spec 05). */
export class EventDelivery {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  deliver(id: ExtensionId, events: readonly StoredEvent[], again: boolean): ReturnType<Deliver> {
    const running = this.#parts.running.get(id);
    if (running === undefined) return events.map(async () => 'parked');
    const { transactional } = running.manifest.contributes.events;
    // The place that one commits is before that of the next.
    if (events.some(({ event_type }) => transactional.includes(event_type)))
      return inTurn(events, (event) => this.#deliverInOne(id, event, again));
    const seen = events.filter((event) => this.#parts.running.maySee(id, event));
    const handling = running.process.invokeInTurn(seen.map((event) => handlingOf(running.manifest, event)));
    const outcomes = new Map(seen.map((event, at) => [event, outcomeOf(handling[at], seen.length === 1)]));
    return events.map((event) => outcomes.get(event) ?? Promise.resolve('withheld'));
  }

  async #deliverInOne(id: ExtensionId, event: StoredEvent, again: boolean): Promise<DeliveryOutcome> {
    const running = this.#parts.running.get(id);
    if (running === undefined) return 'parked';
    if (!this.#parts.running.maySee(id, event)) return 'withheld';
    await this.#handleInOne(running, event, again);
    return 'handled';
  }

  /** The effects of the handler and the place of the subscription commit together. */
  async #handleInOne(running: Running, event: StoredEvent, again: boolean): Promise<void> {
    const { transactions, gate, relay, bus } = this.#parts;
    const { deadlineMs } = budget(running.manifest);
    const extension = running.manifest.id;
    const unit = new HandlingTransaction({ transactions, gate, extension, event, again, deadlineMs });
    try {
      const { target, payload, options } = handlingOf(running.manifest, event);
      await running.process.invoke(target, payload, { ...options, unit });
      if (await unit.commit()) {
        bus.committed(extension);
        relay.wake();
      }
    } catch (failure) {
      if (!unit.wasHandled) throw failure;
    } finally {
      await unit.rollback();
    }
  }
}

/** The call that hands an event to its handler. */
function handlingOf(manifest: Manifest, event: StoredEvent): GuestCall {
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
async function outcomeOf(handling: Promise<void> | undefined, isAlone: boolean): Promise<DeliveryOutcome> {
  try {
    await handling;
    return 'handled';
  } catch (failure) {
    if (failure instanceof CallNotTaken && !isAlone) return 'behind';
    throw failure;
  }
}
