import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type {
  Clock,
  DeadLetter,
  EventPoint,
  Replay,
  StoredEvent,
  SubscriptionKey,
  Transaction,
} from '../ports.ts';
import { newEventId } from './event-id.ts';
import { EXTENSION_COMPONENT, namespaceOf } from './event-types.ts';
import type { DeliveryCounts } from './subscriber.ts';
import { type DeliveryOptions, SubscriptionDelivery } from './subscription-delivery.ts';

/** What somebody publishes; the rest of the envelope is stamped here. */
export interface Publication {
  readonly type: string;
  readonly data: Json;
  readonly eventId?: string;
  readonly context?: Readonly<Record<string, string | null>>;
}

/** Where a replay begins. */
export type ReplayFrom = EventPoint | { readonly sequence: number };

/** A subscription, as operators see it. */
export interface SubscriptionStatus extends SubscriptionKey {
  readonly id: string;
  readonly component: string;
  /** The host that delivers. */
  readonly host: string | null;
  /** Everything of its component up to it is handled, or not for it. */
  readonly sequence: number;
  /** Events of its component above that. */
  readonly lag: number;
  readonly deadLetters: number;
  /** Those under way. */
  readonly replays: readonly Replay[];
  /** Since this host began to deliver; `null`: it does not. */
  readonly counts: Readonly<DeliveryCounts> | null;
}

export interface BusOptions extends DeliveryOptions {
  readonly clock: Clock;
}

/** The typed event bus (spec 05): stamps, checks and appends events, and brings subscriptions forward. */
export class EventBus {
  readonly #options: BusOptions;
  readonly #deliveries = new Map<ExtensionId, Map<string, SubscriptionDelivery>>();
  /** Who is to be delivered to, here or by another host. */
  readonly #wanted = new Map<ExtensionId, readonly string[]>();
  /** Whose delivery was asked for and has not begun as it should: the storage may have been away. */
  readonly #unsettled = new Set<ExtensionId>();
  readonly #stopListening: () => void;
  readonly #heard: ((extension: ExtensionId) => void)[] = [];

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
    if (!this.isHeard(event.type)) return null;
    if (types.componentOf(event.type) !== component) {
      throw new MagError('E_EVENT_NAMESPACE', `${event.type} is not an event of ${component}`);
    }
    return this.#append(component, null, event);
  }

  /** False for a high-rate event that nobody subscribes to. */
  isHeard(type: string): boolean {
    return !this.#options.types.isHighRate(type) || this.#isSubscribed(type);
  }

  /** Publishes in the name of an extension: its own namespace only, and only what its manifest names. */
  async publishFrom(
    extension: ExtensionId,
    event: Publication,
  ): Promise<{ eventId: string; sequence: number }> {
    requireNamespace(extension, event);
    const appended = await this.#append(EXTENSION_COMPONENT, extension, event);
    this.committed(extension);
    return appended;
  }

  /**
   * Calls back when an extension published something on this host, or committed a transaction that may have: before
   * the extension itself knows of it. What it did in other hosts is in the log alone.
   */
  onPublished(listener: (extension: ExtensionId) => void): void {
    this.#heard.push(listener);
  }

  /** A transaction of the extension has been committed here. */
  committed(extension: ExtensionId): void {
    for (const listener of this.#heard) listener(extension);
  }

  /** The same, with a transaction of the extension: it is published after the commit, or never was. */
  async publishIn(
    transaction: Transaction,
    extension: ExtensionId,
    event: Publication,
    signal: AbortSignal,
  ): Promise<{ eventId: string; sequence: null }> {
    requireNamespace(extension, event);
    const stamped = this.#stamp(EXTENSION_COMPONENT, extension, event);
    this.#options.log.check(stamped);
    await transaction.publish(stamped, signal);
    return { eventId: stamped.event_id, sequence: null };
  }

  /** Publishes in the name of an operator, into the log of the component the type belongs to. */
  publishAs(event: Publication): Promise<{ eventId: string; sequence: number }> {
    return this.#append(this.#options.types.componentOf(event.type), null, event);
  }

  /**
   * Starts delivery to an extension; each subscription goes on where it stopped. Of several hosts one delivers:
   * the first to come, until it stops or is gone. What fails is tried again with `takeOver`.
   */
  async resume(extension: ExtensionId, types: readonly string[]): Promise<void> {
    this.#wanted.set(extension, types);
    this.#unsettled.add(extension);
    await this.#settle(extension, types);
  }

  /** Takes over the delivery to whom no other host delivers any more, and begins what could not be begun. */
  async takeOver(): Promise<void> {
    for (const [extension, types] of this.#wanted) {
      if (this.#unsettled.has(extension)) await this.#settle(extension, types);
      else if (!this.#deliveries.has(extension)) await this.#deliverTo(extension, types);
    }
    await this.#beginReplays();
  }

  async #settle(extension: ExtensionId, types: readonly string[]): Promise<void> {
    for (const type of types) await this.#options.log.subscribe({ extension, type });
    await this.#deliverTo(extension, types);
    if (this.#wanted.get(extension) === types) this.#unsettled.delete(extension);
  }

  async #deliverTo(extension: ExtensionId, types: readonly string[]): Promise<void> {
    const { log } = this.#options;
    if (types.length === 0 || !(await log.claim(extension))) return;
    const stored = await log.subscriptions();
    const wanted = this.#wanted.get(extension);
    // It was parked while this was found out; who came after that delivers by itself.
    if (wanted !== types) return wanted === undefined ? log.release(extension) : undefined;
    const deliveries = this.#deliveries.get(extension) ?? new Map<string, SubscriptionDelivery>();
    for (const type of types) {
      if (deliveries.has(type)) continue; // it goes on where it is
      const subscription = stored.find((row) => row.extension === extension && row.type === type);
      if (subscription !== undefined)
        deliveries.set(type, new SubscriptionDelivery(subscription, this.#options));
    }
    this.#deliveries.set(extension, deliveries);
    for (const delivery of deliveries.values()) delivery.wake();
    await this.#beginReplays();
  }

  /** Those asked for since, of what this host delivers. */
  async #beginReplays(): Promise<void> {
    const open = await this.#options.log.openReplays();
    for (const deliveries of this.#deliveries.values()) {
      for (const delivery of deliveries.values()) delivery.followReplays(open);
    }
  }

  /** Stops delivery to an extension; its subscriptions keep their place. */
  async park(extension: ExtensionId): Promise<void> {
    const deliveries = this.#deliveries.get(extension);
    this.#deliveries.delete(extension);
    this.#wanted.delete(extension);
    this.#unsettled.delete(extension);
    if (deliveries === undefined) return;
    await Promise.all([...deliveries.values()].map((delivery) => delivery.stop()));
    await this.#options.log.release(extension);
  }

  /** Ends some subscriptions of an extension that goes on running. */
  async unsubscribe(extension: ExtensionId, types: readonly string[]): Promise<void> {
    const deliveries = this.#deliveries.get(extension);
    for (const type of types) {
      const delivery = deliveries?.get(type);
      deliveries?.delete(type);
      await delivery?.stop();
    }
  }

  /**
   * Has a subscription delivered once more what it had, from a point on and up to now, marked as a replay.
   * What comes meanwhile is delivered beside it.
   * @throws `E_NOT_FOUND` when there is no such subscription, or nothing from there on is kept
   */
  async replay(id: string, from: ReplayFrom): Promise<Replay> {
    const { log, types } = this.#options;
    const subscription = (await log.subscriptions()).find((row) => row.id === id);
    if (subscription === undefined) throw new MagError('E_NOT_FOUND', 'there is no such subscription');
    const component = types.componentOf(subscription.type);
    const first = 'sequence' in from ? from.sequence : await log.firstFrom(component, from);
    if (first === null) throw new MagError('E_NOT_FOUND', `${component} has no event from there on`);
    const until = (await log.heads()).get(component) ?? 0;
    const replay = await log.replay(id, { after: first - 1, until });
    await this.#beginReplays();
    return replay;
  }

  /**
   * Delivers a dead letter once more; handled, it is one no longer.
   * @throws what the handler throws; `E_NOT_FOUND`; `E_NOT_ENABLED` when the extension does not run here; `E_STATE` when
   *   its grants do not cover the event now
   */
  async redrive(id: string): Promise<DeadLetter> {
    const { log, deliver } = this.#options;
    const [letter] = await log.deadLetters({ id, limit: 1 });
    if (letter === undefined) throw new MagError('E_NOT_FOUND', 'there is no such dead letter');
    const { extension } = letter.subscription;
    const [outcome] = await Promise.all(deliver(extension, [letter.event], true));
    if (outcome === 'parked') throw new MagError('E_NOT_ENABLED', `${extension} does not run`);
    if (outcome === 'withheld')
      throw new MagError('E_STATE', `the grants of ${extension} do not cover this event: it is kept`);
    await log.removeDeadLetter(id);
    return letter;
  }

  /** Every subscription: where it is, how far behind, and what became of its events. */
  async subscriptions(): Promise<SubscriptionStatus[]> {
    const { log, types } = this.#options;
    const [stored, heads, letters, replays] = await Promise.all([
      log.subscriptions(),
      log.heads(),
      log.countDeadLetters(),
      log.openReplays(),
    ]);
    return stored.map(({ id, extension, type, host, cursors }) => {
      const component = types.componentOf(type);
      const sequence = cursors.get(component) ?? 0;
      const isThis = (row: SubscriptionKey) => row.extension === extension && row.type === type;
      return {
        id,
        extension,
        type,
        component,
        host,
        sequence,
        lag: Math.max(0, (heads.get(component) ?? 0) - sequence),
        deadLetters: letters.find(isThis)?.count ?? 0,
        replays: replays.filter(({ subscription }) => subscription === id),
        counts: this.#deliveries.get(extension)?.get(type)?.counts ?? null,
      };
    });
  }

  /** Ends the subscriptions of an extension for good. */
  async forget(extension: ExtensionId): Promise<void> {
    await this.park(extension);
    await this.#options.log.unsubscribe(extension);
  }

  async stop(): Promise<void> {
    this.#stopListening();
    await Promise.all([...this.#deliveries.keys()].map((extension) => this.park(extension)));
  }

  async #append(
    component: string,
    extension: ExtensionId | null,
    event: Publication,
  ): Promise<{ eventId: string; sequence: number }> {
    const [appended] = await this.#options.log.append([this.#stamp(component, extension, event)]);
    if (appended === undefined)
      throw new MagError('E_STORAGE', 'the event log did not acknowledge the event');
    return { eventId: appended.event_id, sequence: appended.sequence };
  }

  /** The finished envelope, but for its number. @throws `E_EVENT_SCHEMA` */
  #stamp(
    component: string,
    extension: ExtensionId | null,
    event: Publication,
  ): Omit<StoredEvent, 'sequence'> {
    const { types, clock } = this.#options;
    types.check(event.type, event.data);
    const now = clock.now();
    return {
      event_id: event.eventId ?? newEventId(now.getTime()),
      event_type: event.type,
      schema_version: 1,
      timestamp: now.toISOString(),
      source: { component, extension },
      data: event.data,
      context: event.context ?? {},
      capabilities_required: types.requirements(event.type),
    };
  }

  #isSubscribed(type: string): boolean {
    for (const types of this.#wanted.values()) if (types.includes(type)) return true;
    return false;
  }

  #wake(components: ReadonlySet<string>): void {
    for (const deliveries of this.#deliveries.values()) {
      for (const [type, delivery] of deliveries) {
        if (components.has(this.#options.types.componentOf(type))) delivery.wake();
      }
    }
  }
}

function requireNamespace(extension: ExtensionId, event: Publication): void {
  if (event.type.startsWith(namespaceOf(extension))) return;
  throw new MagError('E_EVENT_NAMESPACE', `${extension} publishes below ${namespaceOf(extension)} only`);
}
