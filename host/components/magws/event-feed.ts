import { messageOf } from '../../../kernel/errors.ts';
import { EXTENSION_COMPONENT } from '../../../kernel/events/event-types.ts';
import type { GuestHost } from '../../../kernel/operator.ts';
import type { EventLog, Logger, StoredEvent } from '../../../kernel/ports.ts';
import { eventRow, isHostEvent } from '../../../manifests/catalog/index.ts';
import type { Subscription } from './subscription.ts';

const BATCH = 200;
/** What belongs to no tenant belongs to the control plane. */
const CONTROL_PLANE = 't_system';

export interface EventFeedParts {
  readonly events: EventLog;
  readonly guests: Pick<GuestHost, 'maySee'>;
  readonly logger: Logger;
}

/** Events of the bus for the clients of this host, through the channels that name their types. */
export class EventFeed {
  readonly #parts: EventFeedParts;
  /** By type. */
  readonly #wanted = new Map<string, Set<Subscription>>();
  /** Of the components that are read. */
  readonly #cursors = new Map<string, number>();
  readonly #stop: () => void;
  #reading: Promise<void> = Promise.resolve();

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
    this.#stop = parts.events.onAppend((components) => {
      for (const component of components) if (this.#cursors.has(component)) this.#wake(component);
    });
  }

  /** From now on it gets the events of its channel. */
  async enter(subscription: Subscription): Promise<void> {
    const { events } = subscription.declared;
    if (events.length === 0) return;
    const components = new Set(events.map(componentOf));
    if ([...components].some((component) => !this.#cursors.has(component))) {
      const heads = await this.#parts.events.heads();
      for (const component of components)
        if (!this.#cursors.has(component)) this.#cursors.set(component, heads.get(component) ?? 0);
    }
    for (const type of events) {
      const wanting = this.#wanted.get(type) ?? new Set();
      this.#wanted.set(type, wanting.add(subscription));
    }
    for (const component of components) this.#wake(component); // appended since
  }

  leave(subscription: Subscription): void {
    for (const type of subscription.declared.events) {
      const wanting = this.#wanted.get(type);
      wanting?.delete(subscription);
      if (wanting?.size === 0) this.#wanted.delete(type);
    }
    const read = new Set([...this.#wanted.keys()].map(componentOf));
    for (const component of this.#cursors.keys()) if (!read.has(component)) this.#cursors.delete(component);
  }

  stop(): void {
    this.#stop();
  }

  #wake(component: string): void {
    this.#reading = this.#reading
      .then(() => this.#read(component))
      .catch((failure: unknown) =>
        this.#parts.logger.warn({ component, reason: messageOf(failure) }, 'events for clients are late'),
      );
  }

  async #read(component: string): Promise<void> {
    for (;;) {
      const cursor = this.#cursors.get(component);
      const types = [...this.#wanted.keys()].filter((type) => componentOf(type) === component);
      if (cursor === undefined || types.length === 0) return;
      const events = await this.#parts.events.read(component, cursor, BATCH, types);
      for (const event of events) this.#hand(event);
      const last = events.at(-1);
      if (last !== undefined) this.#cursors.set(component, last.sequence);
      if (events.length < BATCH) return;
    }
  }

  #hand(event: StoredEvent): void {
    const frames = new Map<string, Buffer>();
    for (const subscription of this.#wanted.get(event.event_type) ?? []) {
      if (!isFor(event, subscription, this.#parts.guests)) continue;
      const { channel } = subscription;
      const frame = frames.get(channel) ?? Buffer.from(eventText(channel, event, false));
      frames.set(channel, frame);
      subscription.event(frame, event.event_type, event.sequence);
    }
  }
}

/** Events of its tenant that the extension whose channel it is may see. */
export function isFor(
  event: StoredEvent,
  { room }: Subscription,
  guests: Pick<GuestHost, 'maySee'>,
): boolean {
  const tenantId = event.context.tenant_id ?? CONTROL_PLANE;
  return tenantId === room.tenantId && guests.maySee(room.extension, event);
}

/** What a client gets of an event: not whom it came about by. */
export function eventText(channel: string, stored: StoredEvent, replay: boolean): string {
  const { event_id, event_type, timestamp, sequence, data } = stored;
  const event = { event_id, event_type, timestamp, sequence, data };
  return JSON.stringify({ type: 'event', channel, event, ...(replay ? { replay } : {}) });
}

export function componentOf(type: string): string {
  return isHostEvent(type) ? eventRow(type).component : EXTENSION_COMPONENT;
}
