import { randomUUID } from 'node:crypto';
import type { Room } from '../../../adapters/magws/index.ts';
import type { ChannelContribution } from '../../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { Member } from '../../storage/channel-store.ts';
import type { Connection } from './connection.ts';

/** A connection in a room. */
export class Subscription {
  readonly connection: Connection;
  /** As clients write it: `acme/hello/greetings`. */
  readonly channel: string;
  readonly declared: ChannelContribution;
  readonly room: Room;
  readonly context: RequestContext;
  /** What its handlers are told of the client. */
  readonly client: { id: string; principal: RequestContext['principal']; params: unknown };
  readonly member: Member;
  /** It is told who comes and leaves. */
  readonly watches: boolean;
  /** What it missed: messages above a number, events of a type above one. */
  #missedAfter: number | null = null;
  #missedEvents = new Map<string, number>();

  constructor(
    options: Pick<Subscription, 'connection' | 'declared' | 'room' | 'context' | 'watches'> & {
      params: unknown;
    },
  ) {
    const { connection, declared, room, context, watches, params } = options;
    const { principal } = context;
    this.connection = connection;
    this.declared = declared;
    this.room = room;
    this.context = context;
    this.watches = watches;
    this.channel = `${room.extension}/${room.channel}`;
    this.client = { id: connection.id, principal, params };
    this.member = { subscription: randomUUID(), principal };
  }

  message(frame: Buffer, sequence: number): void {
    if (!this.connection.offer(frame)) this.#missedAfter ??= sequence - 1;
  }

  event(frame: Buffer, type: string, sequence: number): void {
    if (this.connection.offer(frame) || this.#missedEvents.has(type)) return;
    this.#missedEvents.set(type, sequence - 1);
  }

  /** Who is there is asked for again in any case. */
  presence(frame: Buffer): void {
    if (!this.connection.offer(frame)) this.#missedAfter ??= Number.MAX_SAFE_INTEGER;
  }

  /** Messages up to a number are kept no longer, or were not kept long enough to be sent. */
  skipped(after: number): void {
    this.#missedAfter ??= after;
    this.resync();
  }

  /** Tells the client from where on it has to ask for what it missed. */
  resync(): void {
    if (this.#missedAfter === null && this.#missedEvents.size === 0) return;
    const after = this.#missedAfter === Number.MAX_SAFE_INTEGER ? null : this.#missedAfter;
    const events = Object.fromEntries(this.#missedEvents);
    this.#missedAfter = null;
    this.#missedEvents.clear();
    this.connection.send(JSON.stringify({ type: 'resync', channel: this.channel, after, events }));
  }

  /** Its end, by the host. */
  end(code: string, detail: string): void {
    this.connection.send(JSON.stringify({ type: 'ended', channel: this.channel, code, detail }));
  }
}
