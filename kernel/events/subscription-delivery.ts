import type { EventLog, Logger, Replay, StoredEvent, Subscription, SubscriptionKey } from '../ports.ts';
import type { EventTypes } from './event-types.ts';
import type { Deliver } from './in-turn.ts';
import {
  DEFAULT_RETRY,
  type DeliveryCounts,
  type RetryPolicy,
  Subscriber,
  type SubscriberOptions,
} from './subscriber.ts';

export interface DeliveryOptions {
  readonly log: EventLog;
  readonly types: EventTypes;
  readonly logger: Logger;
  readonly retry?: RetryPolicy;
  readonly deliver: Deliver;
}

/** What this host delivers to one subscription: what comes, and what was asked for once more. */
export class SubscriptionDelivery {
  readonly #id: string;
  readonly #key: SubscriptionKey;
  readonly #options: DeliveryOptions;
  readonly #counts: DeliveryCounts = { delivered: 0, retries: 0, deadLetters: 0 };
  readonly #live: Subscriber;
  readonly #replays = new Map<string, Subscriber>();

  constructor({ id, extension, type, cursors }: Subscription, options: DeliveryOptions) {
    const { log, types, deliver } = options;
    this.#id = id;
    this.#key = { extension, type };
    this.#options = options;
    const component = types.componentOf(type);
    this.#live = new Subscriber({
      ...this.#common(),
      cursor: cursors.get(component) ?? 0,
      deliver: (events) => deliver(extension, events, false),
      advance: (sequence) => log.advance(this.#key, component, sequence),
    });
  }

  get counts(): Readonly<DeliveryCounts> {
    return this.#counts;
  }

  /** Looks for new events. */
  wake(): void {
    this.#live.wake();
  }

  /**
   * Begins the replays asked for since, and lets go of those that ended.
   * @param open all that have not ended, of any subscription
   */
  followReplays(open: readonly Replay[]): void {
    for (const id of this.#replays.keys()) {
      if (!open.some((replay) => replay.id === id)) this.#replays.delete(id);
    }
    for (const replay of open) if (replay.subscription === this.#id) this.#begin(replay);
  }

  /** Waits for the events in hand, then ends. The places are kept. */
  async stop(): Promise<void> {
    await Promise.all([this.#live, ...this.#replays.values()].map((subscriber) => subscriber.stop()));
  }

  #begin({ id, sequence: cursor, until }: Replay): void {
    if (this.#replays.has(id)) return;
    const { log, deliver } = this.#options;
    const subscriber = new Subscriber({
      ...this.#common(),
      cursor,
      until,
      deliver: (events) => {
        const again = events.map((event): StoredEvent => ({ ...event, replay: true }));
        return deliver(this.#key.extension, again, true);
      },
      advance: (sequence) => log.advanceReplay(id, sequence),
    });
    this.#replays.set(id, subscriber);
    subscriber.wake();
  }

  #common(): Omit<SubscriberOptions, 'cursor' | 'deliver' | 'advance'> {
    const { log, logger, types, retry = DEFAULT_RETRY } = this.#options;
    const component = types.componentOf(this.#key.type);
    const deadLetter: SubscriberOptions['deadLetter'] = (entry) => log.deadLetter(entry);
    return { log, key: this.#key, component, retry, logger, counts: this.#counts, deadLetter };
  }
}
