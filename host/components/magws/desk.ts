import type { Room } from '../../../adapters/magws/index.ts';
import { MAX_DATA_BYTES } from '../../../adapters/magws/index.ts';
import { codeOf, MagError, messageOf } from '../../../kernel/errors.ts';
import { reasonOf } from '../../../kernel/hooks/veto.ts';
import { CODES } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ChannelContribution, ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { isExtensionId } from '../../../manifests/manifest/parse.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { Connection } from './connection.ts';
import type { EventFeed } from './event-feed.ts';
import { type ClientMessage, checkMessage, idOf } from './messages.ts';
import { historyPage, replayEvents } from './past.ts';
import type { Door, RealtimeParts } from './ports.ts';
import type { Rooms } from './rooms.ts';
import { Subscription } from './subscription.ts';

/** Subscriptions of one connection. */
const MAX_SUBSCRIPTIONS = 100;

type Of<Type extends ClientMessage['type']> = Extract<ClientMessage, { readonly type: Type }>;

export interface DeskParts extends RealtimeParts {
  readonly rooms: Rooms;
  readonly feed: EventFeed;
  readonly door: Door;
  /** Lets somebody in on a connection, or in again. @throws what `Door.admit` throws */
  readonly admit: (connection: Connection, token: string, tenant?: string) => Promise<void>;
}

/** Does what clients ask for in their messages. */
export class Desk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async answer(connection: Connection, message: unknown): Promise<string> {
    const id = idOf(message);
    const withId = id === undefined ? {} : { id };
    try {
      const checked = checkMessage(message);
      const answer = await this.#do(connection, checked);
      return typeof answer === 'string' ? answer : JSON.stringify({ ...answer, ...withId });
    } catch (failure) {
      return JSON.stringify({ type: 'error', ...withId, ...this.#shown(failure) });
    }
  }

  /** Takes a subscription away; its extension is told. Never rejects. */
  async leave(subscription: Subscription): Promise<void> {
    const { rooms, feed, store, guests, logger } = this.#parts;
    const { connection, room, member, client, context, channel } = subscription;
    if (connection.subscriptions.get(channel) === subscription) connection.subscriptions.delete(channel);
    rooms.leave(subscription);
    feed.leave(subscription);
    try {
      if (await store.leave(room, member)) this.tellPresence(room, 'leave', member.principal);
      const target = { kind: 'channel', name: `${room.channel} onUnsubscribe` } as const;
      if (guests.may(room.extension, target))
        await guests.call(room.extension, target, client as Json, { request: context });
    } catch (failure) {
      logger.debug({ channel, reason: messageOf(failure) }, 'a channel was not told that a client left');
    }
  }

  tellPresence(room: Room, change: 'join' | 'leave', principal: { id: string; name: string } | null): void {
    const { presenceStream } = this.#parts.hooks;
    if (principal === null || !presenceStream.isUsed()) return;
    const channel = nameOf(room);
    const { id, name } = principal;
    const value = { channel, tenantId: room.tenantId, change, member: { id, name } };
    presenceStream.tell(value, { request: null, resource: { channels: channel } });
  }

  #do(connection: Connection, message: ClientMessage): Promise<object | string> {
    switch (message.type) {
      case 'authenticate':
        return this.#authenticate(connection, message);
      case 'subscribe':
        return this.#subscribe(connection, message);
      case 'unsubscribe':
        return this.#unsubscribe(connection, message);
      case 'publish':
        return this.#publish(connection, message);
      case 'presence':
        return this.#presence(connection, message);
      case 'history':
        return historyPage(this.#parts, subscriptionOf(connection, message), message);
      case 'replay':
        return replayEvents(this.#parts, subscriptionOf(connection, message), message);
    }
  }

  async #authenticate(connection: Connection, { token, tenant }: Of<'authenticate'>): Promise<object> {
    await this.#parts.admit(connection, token, tenant);
    const { principal, tenantId } = connection.context ?? {};
    const expiresAt = connection.admitted?.expiresAt?.toISOString() ?? null;
    return { type: 'authenticated', principal, tenant: tenantId, expiresAt };
  }

  async #subscribe(connection: Connection, message: Of<'subscribe'>): Promise<object> {
    const { guests } = this.#parts;
    const { channel, params = null, presence = false } = message;
    const { extension, declared } = this.#declared(channel);
    const context = this.#contextFor(connection, declared);
    if (connection.subscriptions.has(channel))
      throw new MagError('E_EXISTS', 'The connection has subscribed to it already.');
    if (connection.subscriptions.size >= MAX_SUBSCRIPTIONS)
      throw new MagError('E_RATE_LIMITED', `A connection has at most ${MAX_SUBSCRIPTIONS} subscriptions.`);
    const room = { extension, channel: declared.name, tenantId: context.tenantId };
    const subscription = new Subscription({ connection, declared, room, context, params, watches: presence });
    await this.#askGuards(subscription);
    const target = { kind: 'channel', name: `${declared.name} onSubscribe` } as const;
    const options = { request: context, signal: connection.over };
    const may = await guests.call(extension, target, subscription.client as Json, options);
    if (may !== true) throw new MagError('E_FORBIDDEN', 'The channel does not let the client in.');
    return this.#enter(subscription);
  }

  async #enter(subscription: Subscription): Promise<object> {
    const { rooms, feed, store, guests } = this.#parts;
    const { connection, channel, room, member, declared, watches } = subscription;
    connection.subscriptions.set(channel, subscription);
    try {
      await feed.enter(subscription);
      const sequence = await rooms.enter(subscription);
      if (await store.join(room, member)) this.tellPresence(room, 'join', member.principal);
      const there = watches ? { presence: await store.presence(room) } : {};
      // What took it away meanwhile found nothing to end yet.
      if (!guests.may(room.extension, { kind: 'channel', name: `${room.channel} onMessage` }))
        throw new MagError('E_NOT_ENABLED', 'The channel was closed.');
      if (connection.over.aborted || connection.subscriptions.get(channel) !== subscription)
        throw new MagError('E_STATE', 'The subscription has ended.');
      this.#tell('realtime.subscription.created', subscription);
      return { type: 'subscribed', channel, sequence, events: declared.events, ...there };
    } catch (failure) {
      await this.leave(subscription);
      throw failure;
    }
  }

  async #unsubscribe(connection: Connection, message: Of<'unsubscribe'>): Promise<object> {
    const subscription = subscriptionOf(connection, message);
    await this.leave(subscription);
    return { type: 'unsubscribed', channel: subscription.channel };
  }

  async #publish(connection: Connection, message: Of<'publish'>): Promise<object> {
    const { room, client, context, channel } = subscriptionOf(connection, message);
    if (connection.admitted?.readOnly === true)
      throw new MagError('E_FORBIDDEN', 'The token is for reading only.');
    const target = { kind: 'channel', name: `${room.channel} onMessage` } as const;
    const payload = { client: { id: client.id, principal: client.principal }, data: message.data };
    const options = { request: context, signal: connection.over };
    const result = await this.#parts.guests.call(room.extension, target, payload as Json, options);
    if (Buffer.byteLength(JSON.stringify(result)) > MAX_DATA_BYTES)
      throw new MagError('E_LIMIT_OUTPUT', 'the answer of the channel is too large');
    return { type: 'published', channel, result };
  }

  async #presence(connection: Connection, message: Of<'presence'>): Promise<object> {
    const { room, channel } = subscriptionOf(connection, message);
    return { type: 'presence', channel, ...(await this.#parts.store.presence(room)) };
  }

  #declared(channel: string): { extension: ExtensionId; declared: ChannelContribution } {
    const at = channel.lastIndexOf('/');
    const [extension, name] = [channel.slice(0, at), channel.slice(at + 1)];
    const found = this.#parts.hooks.registerChannel
      .list()
      .find((entry) => entry.extension === extension && entry.value.name === name);
    if (found !== undefined && isExtensionId(extension)) return { extension, declared: found.value };
    throw new MagError('E_NOT_FOUND', 'There is no such channel.');
  }

  #contextFor({ context, visitor }: Connection, { auth }: ChannelContribution): RequestContext {
    if (context !== null) return context;
    if (auth === 'public') return this.#parts.door.anonymous(visitor);
    throw new MagError('E_AUTH_REQUIRED', 'Authenticate first: the channel is for those who are known.');
  }

  async #askGuards({ channel, declared, context }: Subscription): Promise<void> {
    const { subscribeToEvent } = this.#parts.hooks;
    if (!subscribeToEvent.isUsed()) return;
    const { tenantId, principal } = context;
    const asked = { channel, tenantId, events: [...declared.events], principal };
    await subscribeToEvent.ask(asked, { request: context, resource: { channels: channel } });
  }

  #tell(type: string, { connection, channel, context }: Subscription): void {
    const data = { connection: connection.id, principal: context.principal?.id ?? null, channel };
    this.#parts
      .emit({ type, data, context: { tenant_id: context.tenantId } })
      .catch((failure: unknown) => this.#parts.logger.warn({ type, code: codeOf(failure) }, 'not told'));
  }

  /** The reason of an extension in its own words; of what else went wrong in one no more than the code. */
  #shown(failure: unknown): { code: string; detail: string } {
    if (!(failure instanceof MagError)) {
      this.#parts.logger.error({ err: failure }, 'a message of a client failed');
      return { code: 'E_INTERNAL', detail: CODES.E_INTERNAL.meaning };
    }
    const { code, blame, message } = failure;
    if (code === 'E_VETO') return { code: blame.code ?? code, detail: message };
    const reason = reasonOf(failure);
    if (reason !== null) return { code: reason.code, detail: reason.message };
    const isTheirs = code === 'E_EXTENSION' || code === 'E_INTERNAL' || code === 'E_STORAGE';
    return { code, detail: isTheirs ? CODES[code].meaning : message };
  }
}

/** @throws `E_STATE` */
function subscriptionOf({ subscriptions }: Connection, { channel }: { channel: string }): Subscription {
  const found = subscriptions.get(channel);
  if (found !== undefined) return found;
  throw new MagError('E_STATE', 'Subscribe to the channel first.');
}

export function nameOf({ extension, channel }: Room): string {
  return `${extension}/${channel}`;
}
