import type { Server } from 'node:http';
import { normalizeIP } from '@fastify/rate-limit';
import type { WebSocket } from 'ws';
import type { Channels } from '../../../adapters/magws/index.ts';
import { codeOf, MagError, messageOf } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { createBroadcaster } from './broadcaster.ts';
import { CLOSE, closeCodeOf } from './close-codes.ts';
import { Connection } from './connection.ts';
import { Desk } from './desk.ts';
import { EventFeed } from './event-feed.ts';
import type { Door, RealtimeParts } from './ports.ts';
import { Rooms } from './rooms.ts';
import type { Subscription } from './subscription.ts';
import { acceptUpgrades, isOwnOrigin, type Upgrade } from './upgrades.ts';

/** How long who does not say who they are, and wants nothing that is public, may stay. */
const PATIENCE_MS = 10_000;
/** Who was connected to a host that is gone is looked for this often. */
const SWEEP_MS = 5_000;
/** What clients may take to say goodbye when the host stops. */
const GOODBYE_MS = 1_000;

/** What the component counts, since the host started. */
export interface RealtimeCounts {
  readonly connections: number;
  readonly subscriptions: number;
  readonly opened: number;
  readonly received: number;
  readonly broadcasts: number;
  /** By close code. */
  readonly closed: ReadonlyMap<number, number>;
}

/** The component behind the adapter of channels. */
export interface Realtime {
  readonly channels: Channels;
  /** Takes connections at `/ws` of a server. */
  attach(server: Server, door: Door): void;
  /** Asks for everybody once more whether they are still good. */
  recheck(): void;
  counts(): RealtimeCounts;
  /** Says goodbye to all, and takes nobody any more. Idempotent. */
  close(): Promise<void>;
}

export function createRealtime(parts: RealtimeParts): Realtime {
  return new WebSockets(parts);
}

class WebSockets implements Realtime {
  readonly channels: Channels;
  readonly #parts: RealtimeParts;
  readonly #rooms: Rooms;
  readonly #feed: EventFeed;
  readonly #connections = new Set<Connection>();
  readonly #ofAddress = new Tally();
  readonly #ofPrincipal = new Tally();
  readonly #principals = new WeakMap<Connection, string>();
  readonly #closed = new Map<number, number>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #timers: NodeJS.Timeout[] = [];
  #broadcasts = 0;
  #opened = 0;
  #received = 0;
  #door: Door | null = null;
  #desk: Desk | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: RealtimeParts) {
    this.#parts = parts;
    this.#rooms = new Rooms(parts.store, parts.logger);
    this.#feed = new EventFeed(parts);
    this.channels = createBroadcaster(parts, () => {
      this.#broadcasts += 1;
    });
    parts.guests.onGrants((extension) => this.#review(extension));
    parts.hooks.registerChannel.onChange(() => this.#review(null));
  }

  attach(server: Server, door: Door): void {
    this.#door = door;
    this.#desk = new Desk({
      ...this.#parts,
      rooms: this.#rooms,
      feed: this.#feed,
      door,
      admit: (connection, token, tenant) => this.#admit(connection, token, tenant),
    });
    const mayCome = () => this.#closing === null && this.#connections.size < this.#parts.limits.connections;
    acceptUpgrades(server, mayCome, (socket, upgrade) => this.#accept(socket, upgrade));
    this.#every(this.#parts.limits.heartbeatMs, () => {
      for (const connection of this.#connections) connection.beat();
      this.recheck();
    });
    this.#every(SWEEP_MS, () => void this.#sweep({ all: false }));
  }

  recheck(): void {
    for (const connection of this.#connections) void this.#recheck(connection);
  }

  counts(): RealtimeCounts {
    const subscriptions = [...this.#connections].reduce((sum, { subscriptions: { size } }) => sum + size, 0);
    return {
      connections: this.#connections.size,
      subscriptions,
      opened: this.#opened,
      received: this.#received,
      broadcasts: this.#broadcasts,
      closed: this.#closed,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, 'the host stops');
    const deadline = Date.now() + GOODBYE_MS;
    while (this.#connections.size > 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const connection of this.#connections) connection.terminate();
    this.#feed.stop();
    await Promise.all(this.#leaving);
    await this.#sweep({ all: true });
  }

  #accept(socket: WebSocket, { visitor, token, tenant, origin, host }: Upgrade): void {
    const { limits } = this.#parts;
    this.#opened += 1;
    const handlers = {
      answer: (connection: Connection, message: unknown) => this.#answer(connection, message),
      closed: (connection: Connection, code: number) => this.#gone(connection, code),
    };
    const tooMany = this.#ofAddress.add(normalizeIP(visitor.address)) > limits.perAddress;
    const connection = new Connection(socket, visitor, limits, handlers, async (made) => {
      await Promise.resolve(); // it may be refused first
      if (!made.over.aborted) await this.#enter(made, token, tenant);
    });
    this.#connections.add(connection);
    if (tooMany) connection.close(CLOSE.tooMany, 'too many connections from one address');
    else if (!isOwnOrigin(origin, host, limits.origins))
      connection.close(CLOSE.forbidden, 'pages of this origin may not connect');
  }

  /** Lets in who came with a token; who did not has a while to say who they are. */
  async #enter(connection: Connection, token: string | null, tenant: string | undefined): Promise<void> {
    if (token !== null) return this.#admit(connection, token, tenant).catch(() => {}); // it is closed
    const impatient = () => {
      const isIdle = connection.admitted === null && connection.subscriptions.size === 0;
      if (isIdle) connection.close(CLOSE.unauthenticated, 'nobody said who they are');
    };
    setTimeout(impatient, PATIENCE_MS).unref();
  }

  #answer(connection: Connection, message: unknown): Promise<string> {
    this.#received += 1;
    return (this.#desk ?? detached()).answer(connection, message);
  }

  /** Who is not good, or is somebody else than before, is sent away. */
  async #admit(connection: Connection, token: string, tenant?: string): Promise<void> {
    try {
      const admitted = await (this.#door ?? detached()).admit(connection.visitor, token, tenant);
      const before = connection.context;
      const { principal, tenantId } = admitted.context;
      if (before !== null && (before.principal?.id !== principal?.id || before.tenantId !== tenantId))
        throw new MagError('E_FORBIDDEN', 'A connection is of one principal in one tenant.');
      if (connection.over.aborted) return;
      if (before === null) this.#countPrincipal(connection, principal?.id ?? '');
      connection.admit(admitted);
      if (before === null) this.#tell('realtime.connection.opened', connection, {});
    } catch (failure) {
      const code = codeOf(failure);
      if (!(failure instanceof MagError) || code === 'E_INTERNAL' || code === 'E_STORAGE')
        this.#parts.logger.error({ err: failure }, 'who connects could not be found out');
      connection.close(
        closeCodeOf(failure instanceof MagError ? failure.code : undefined),
        code ?? 'E_INTERNAL',
      );
      throw failure;
    }
  }

  #countPrincipal(connection: Connection, principal: string): void {
    if (this.#ofPrincipal.add(principal) > this.#parts.limits.perPrincipal) {
      this.#ofPrincipal.remove(principal);
      throw new MagError('E_RATE_LIMITED', 'Too many connections of one principal.');
    }
    this.#principals.set(connection, principal);
  }

  async #recheck(connection: Connection): Promise<void> {
    const good = await connection.admitted?.stillGood().catch((failure: unknown) => {
      this.#parts.logger.warn({ reason: messageOf(failure) }, 'a token could not be looked up');
      return true; // asked again soon
    });
    if (good === false) connection.close(CLOSE.unauthenticated, 'the token is no longer good');
  }

  #gone(connection: Connection, code: number): void {
    if (!this.#connections.delete(connection)) return;
    this.#closed.set(code, (this.#closed.get(code) ?? 0) + 1);
    this.#ofAddress.remove(normalizeIP(connection.visitor.address));
    const principal = this.#principals.get(connection);
    if (principal !== undefined) this.#ofPrincipal.remove(principal);
    for (const subscription of [...connection.subscriptions.values()])
      this.#track(this.#desk?.leave(subscription));
    const duration_ms = Math.round(performance.now() - connection.openedMs);
    if (connection.admitted !== null)
      this.#tell('realtime.connection.closed', connection, { code, duration_ms });
  }

  #track(leaving: Promise<void> | undefined): void {
    if (leaving === undefined) return;
    this.#leaving.add(leaving);
    void leaving.finally(() => this.#leaving.delete(leaving));
  }

  /** Ends subscriptions to channels that are there no more, or may not be. `null`: of all extensions. */
  #review(extension: ExtensionId | null): void {
    for (const connection of this.#connections) {
      for (const subscription of [...connection.subscriptions.values()]) {
        const { room } = subscription;
        if (extension !== null && room.extension !== extension) continue;
        const reason = this.#lost(subscription);
        if (reason === null || !connection.subscriptions.delete(subscription.channel)) continue;
        subscription.end(...reason);
        this.#track(this.#desk?.leave(subscription));
      }
    }
  }

  /** Why a subscription cannot go on; `null`: it can. */
  #lost({ room, declared }: Subscription): readonly [code: string, detail: string] | null {
    const entries = this.#parts.hooks.registerChannel.list();
    const ofExtension = entries.filter(({ extension }) => extension === room.extension);
    if (ofExtension.length === 0) return ['E_NOT_ENABLED', 'The extension was stopped.'];
    const now = ofExtension.find(({ value }) => value.name === room.channel)?.value;
    if (JSON.stringify(now) !== JSON.stringify(declared))
      return ['E_NOT_ENABLED', 'The channel is gone or another one; subscribe again.'];
    const target = { kind: 'channel', name: `${room.channel} onMessage` } as const;
    if (this.#parts.guests.may(room.extension, target)) return null;
    return ['E_CAP_REVOKED', 'The extension may no longer offer the channel.'];
  }

  async #sweep(options: { all: boolean }): Promise<void> {
    try {
      for (const { room, principal } of await this.#parts.store.sweep(options))
        this.#desk?.tellPresence(room, 'leave', principal);
    } catch (failure) {
      this.#parts.logger.warn({ reason: messageOf(failure) }, 'who left with a host could not be looked up');
    }
  }

  #every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms).unref());
  }

  #tell(type: string, { id, context }: Connection, more: JsonObject): void {
    const data = { connection: id, principal: context?.principal?.id ?? null, ...more };
    this.#parts
      .emit({ type, data, context: { tenant_id: context?.tenantId ?? null } })
      .catch((failure: unknown) => this.#parts.logger.warn({ type, code: codeOf(failure) }, 'not told'));
  }
}

/** How many there are of each. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }

  remove(key: string): void {
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

function detached(): never {
  throw new MagError('E_INTERNAL', 'Nobody can connect yet.');
}
