import type { Room } from '../../../adapters/magws/index.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { Logger } from '../../../kernel/ports.ts';
import { type ChannelStore, type KeptMessage, keyOf } from '../../storage/channel-store.ts';
import type { Subscription } from './subscription.ts';

const BATCH = 200;
/** After a failure of the storage. */
const AGAIN_MS = 1_000;
/** Who is in a room is looked up at most this often. */
const PRESENCE_MS = 50;

interface LiveRoom {
  readonly room: Room;
  readonly key: string;
  readonly subscriptions: Set<Subscription>;
  /** Those on their way in. */
  entering: number;
  /** Up to it everything was handed on. */
  cursor: number;
  readonly ready: Promise<void>;
  readonly read: () => void;
  readonly look: () => void;
  /** Names by id, while somebody watches. */
  members: ReadonlyMap<string, string> | null;
}

/** The rooms that clients of this host are in: hands on what is said, in order, and who comes and leaves. */
export class Rooms {
  readonly #store: ChannelStore;
  readonly #logger: Logger;
  readonly #rooms = new Map<string, LiveRoom>();

  constructor(store: ChannelStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
    store.onChange(
      () => [...this.#rooms.values()].map(({ room }) => room),
      (change, key) => {
        const live = this.#rooms.get(key);
        if (change === 'said') live?.read();
        else live?.look();
      },
    );
  }

  /** @returns the number of the newest message: from then on the subscription gets all of them */
  async enter(subscription: Subscription): Promise<number> {
    const live = this.#live(subscription.room);
    live.entering += 1;
    try {
      await live.ready;
      if (subscription.watches && live.members === null) {
        live.members = new Map();
        live.members = await this.#members(live);
      }
      live.subscriptions.add(subscription);
      return live.cursor;
    } finally {
      live.entering -= 1;
      this.#forgetEmpty(live);
    }
  }

  leave(subscription: Subscription): void {
    const live = this.#rooms.get(keyOf(subscription.room));
    if (live === undefined) return;
    live.subscriptions.delete(subscription);
    this.#forgetEmpty(live);
  }

  /** Those in a room here. */
  in(room: Room): Iterable<Subscription> {
    return this.#rooms.get(keyOf(room))?.subscriptions ?? [];
  }

  #live(room: Room): LiveRoom {
    const key = keyOf(room);
    const present = this.#rooms.get(key);
    if (present !== undefined) return present;
    const live: LiveRoom = {
      room,
      key,
      subscriptions: new Set(),
      entering: 0,
      cursor: 0,
      ready: this.#store.head(room).then((head) => {
        live.cursor = head;
      }),
      read: oneAtATime(() => this.#read(live), this.#failed),
      look: oneAtATime(() => this.#look(live), this.#failed),
      members: null,
    };
    live.ready.catch(() => this.#forget(live)); // who enters hears of it
    this.#rooms.set(key, live);
    return live;
  }

  #forgetEmpty(live: LiveRoom): void {
    if (live.subscriptions.size === 0 && live.entering === 0) this.#forget(live);
  }

  /** Another one may have taken its place. */
  #forget(live: LiveRoom): void {
    if (this.#rooms.get(live.key) === live) this.#rooms.delete(live.key);
  }

  async #read(live: LiveRoom): Promise<void> {
    await live.ready;
    for (;;) {
      const messages = await this.#store.after(live.room, live.cursor, BATCH);
      for (const message of messages) hand(live, message);
      if (messages.length < BATCH || live.subscriptions.size === 0) return;
    }
  }

  async #look(live: LiveRoom): Promise<void> {
    const watching = [...live.subscriptions].filter(({ watches }) => watches);
    if (live.members === null) return;
    const [before, after] = [live.members, await this.#members(live)];
    live.members = after;
    const tell = (change: string, id: string, name: string) => {
      const channel = `${live.room.extension}/${live.room.channel}`;
      const frame = Buffer.from(JSON.stringify({ type: 'presence', channel, change, member: { id, name } }));
      for (const subscription of watching) subscription.presence(frame);
    };
    for (const [id, name] of after) if (!before.has(id)) tell('join', id, name);
    for (const [id, name] of before) if (!after.has(id)) tell('leave', id, name);
    await new Promise((resolve) => setTimeout(resolve, PRESENCE_MS));
  }

  async #members({ room }: LiveRoom): Promise<Map<string, string>> {
    const { members } = await this.#store.presence(room);
    return new Map(members.map(({ id, name }) => [id, name]));
  }

  readonly #failed = (failure: unknown): void => {
    this.#logger.warn({ reason: messageOf(failure) }, 'what is new in a channel could not be looked up');
  };
}

/** The text is written once, whoever gets it. */
function hand(live: LiveRoom, message: KeptMessage): void {
  const { sequence } = message;
  const missed = sequence > live.cursor + 1;
  const after = live.cursor;
  live.cursor = sequence;
  const frame = Buffer.from(`{"type":"message",${messageText(live.room, message)}}`);
  for (const subscription of live.subscriptions) {
    if (missed) subscription.skipped(after);
    subscription.message(frame, sequence);
  }
}

/** What clients get of a message, as members of a JSON object. */
export function messageText(room: Room, { sequence, at, data }: KeptMessage): string {
  return `"channel":"${room.extension}/${room.channel}","sequence":${sequence},"at":"${at.toISOString()}","data":${data}`;
}

/** Does it, once more if it was asked for meanwhile, and again after a failure. */
function oneAtATime(work: () => Promise<void>, failed: (failure: unknown) => void): () => void {
  let wanted = false;
  let working = false;
  const run = async () => {
    working = true;
    while (wanted) {
      wanted = false;
      await work().catch((failure: unknown) => {
        failed(failure);
        setTimeout(ask, AGAIN_MS).unref();
      });
    }
    working = false;
  };
  const ask = () => {
    wanted = true;
    if (!working) void run();
  };
  return ask;
}
