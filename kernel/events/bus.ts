import { v7 as uuid } from 'uuid';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Clock, EventLog, Logger, StoredEvent, Subscription } from '../ports.ts';
import { type EventTypes, EXTENSION_COMPONENT, namespaceOf } from './event-types.ts';
import { DEFAULT_RETRY, type DeliveryOutcome, type RetryPolicy, Subscriber } from './subscriber.ts';

/** What somebody publishes; the rest of the envelope is stamped here. */
export interface Publication {
  readonly type: string;
  readonly data: Json;
  readonly eventId?: string;
  readonly context?: Readonly<Record<string, string | null>>;
}

export interface BusOptions {
  readonly log: EventLog;
  readonly types: EventTypes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retry?: RetryPolicy;
  /** Hands an event to an extension. Throwing means: try again. */
  readonly deliver: (extension: ExtensionId, event: StoredEvent) => Promise<DeliveryOutcome>;
}

/** The typed event bus (spec 05): stamps, checks and appends events, and brings subscriptions forward. */
export class EventBus {
  readonly #options: BusOptions;
  readonly #subscribers = new Map<ExtensionId, Map<string, Subscriber>>();
  readonly #stopListening: () => void;

  constructor(options: BusOptions) {
    this.#options = options;
    this.#stopListening = options.log.onAppend((components) => this.#wake(new Set(components)));
  }

  /** Publishes in the name of a component. `null`: a high-rate event nobody subscribes to, not written. */
  async publish(
    component: string,
    event: Publication,
  ): Promise<{ eventId: string; sequence: number } | null> {
    const { types } = this.#options;
    if (types.isHighRate(event.type) && !this.#isSubscribed(event.type)) return null;
    if (types.componentOf(event.type) !== component) {
      throw new MagError('E_EVENT_NAMESPACE', `${event.type} is not an event of ${component}`);
    }
    return this.#append(component, null, event);
  }

  /** Publishes in the name of an extension: its own namespace only, and only what its manifest names. */
  publishFrom(extension: ExtensionId, event: Publication): Promise<{ eventId: string; sequence: number }> {
    if (!event.type.startsWith(namespaceOf(extension))) {
      throw new MagError('E_EVENT_NAMESPACE', `${extension} publishes below ${namespaceOf(extension)} only`);
    }
    return this.#append(EXTENSION_COMPONENT, extension, event);
  }

  /** Publishes in the name of an operator, into the log of the component the type belongs to. */
  publishAs(event: Publication): Promise<{ eventId: string; sequence: number }> {
    return this.#append(this.#options.types.componentOf(event.type), null, event);
  }

  /** Starts delivery to an extension; each subscription goes on where it stopped. */
  async resume(extension: ExtensionId, types: readonly string[]): Promise<void> {
    if (types.length === 0) return;
    for (const type of types) await this.#options.log.subscribe({ extension, type });
    const stored = await this.#options.log.subscriptions();
    const subscribers = this.#subscribers.get(extension) ?? new Map<string, Subscriber>();
    for (const type of types) {
      if (subscribers.has(type)) continue; // it goes on where it is
      const subscription = stored.find((row) => row.extension === extension && row.type === type);
      subscribers.set(type, this.#subscriber(extension, type, subscription));
    }
    this.#subscribers.set(extension, subscribers);
    for (const subscriber of subscribers.values()) subscriber.wake();
  }

  /** Stops delivery to an extension; its subscriptions keep their place. */
  async park(extension: ExtensionId): Promise<void> {
    const subscribers = this.#subscribers.get(extension);
    this.#subscribers.delete(extension);
    await Promise.all([...(subscribers?.values() ?? [])].map((subscriber) => subscriber.stop()));
  }

  /** Ends some subscriptions of an extension that goes on running. */
  async unsubscribe(extension: ExtensionId, types: readonly string[]): Promise<void> {
    const subscribers = this.#subscribers.get(extension);
    for (const type of types) {
      const subscriber = subscribers?.get(type);
      subscribers?.delete(type);
      await subscriber?.stop();
    }
  }

  /** Ends the subscriptions of an extension for good. */
  async forget(extension: ExtensionId): Promise<void> {
    await this.park(extension);
    await this.#options.log.unsubscribe(extension);
  }

  async stop(): Promise<void> {
    this.#stopListening();
    await Promise.all([...this.#subscribers.keys()].map((extension) => this.park(extension)));
  }

  async #append(
    component: string,
    extension: ExtensionId | null,
    event: Publication,
  ): Promise<{ eventId: string; sequence: number }> {
    const { types, log, clock } = this.#options;
    types.check(event.type, event.data);
    const [appended] = await log.append([
      {
        event_id: event.eventId ?? uuid({ msecs: clock.now().getTime() }),
        event_type: event.type,
        schema_version: 1,
        timestamp: clock.now().toISOString(),
        source: { component, extension },
        data: event.data,
        context: event.context ?? {},
        capabilities_required: types.requirements(event.type),
      },
    ]);
    if (appended === undefined)
      throw new MagError('E_STORAGE', 'the event log did not acknowledge the event');
    return { eventId: appended.event_id, sequence: appended.sequence };
  }

  #subscriber(extension: ExtensionId, type: string, stored: Subscription | undefined): Subscriber {
    const { log, logger, types, retry, deliver } = this.#options;
    const component = types.componentOf(type);
    return new Subscriber({
      log,
      key: { extension, type },
      component,
      cursor: stored?.cursors.get(component) ?? 0,
      retry: retry ?? DEFAULT_RETRY,
      logger,
      deliver: (event) => deliver(extension, event),
    });
  }

  #isSubscribed(type: string): boolean {
    for (const subscribers of this.#subscribers.values()) if (subscribers.has(type)) return true;
    return false;
  }

  #wake(components: ReadonlySet<string>): void {
    for (const subscribers of this.#subscribers.values()) {
      for (const [type, subscriber] of subscribers) {
        if (components.has(this.#options.types.componentOf(type))) subscriber.wake();
      }
    }
  }
}
