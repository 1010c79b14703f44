import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { Notifications } from './notifications.ts';

const EVENTS = 'mag_events';
/** Other hosts hear of appends at most this often: a notification takes a lock all of Postgres shares. */
const NOTIFY_EVERY_MS = 20;
/** After a notification that could not be sent. */
const AGAIN_MS = 1_000;
/** What was told over a connection that broke, or by a host that died before it could tell, is found within this time. */
const LOOK_EVERY_MS = 5_000;
/** Postgres takes 8,000 bytes; this many names of 256 characters do not fit, so many only wake in general. */
const MAX_NAMED = 20;

type Listener = (components: readonly string[]) => void;

/**
 * Tells who waits for events that there are new ones: at once on this host, by LISTEN/NOTIFY on the others.
 * Only a hint: a forged one has a reader look in vain, a lost one makes it late, until the next look of its own.
 */
export class EventWake {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #heads: () => Promise<ReadonlyMap<string, number>>;
  readonly #channel: string;
  readonly #notifications: Notifications;
  readonly #host = randomUUID();
  readonly #listeners = new Set<Listener>();
  readonly #closing = new AbortController();
  readonly #unannounced = new Set<string>();
  #announcing: Promise<void> | null = null;
  #looking: NodeJS.Timeout | null = null;
  /** As they were at the last look. */
  #known: ReadonlyMap<string, number> = new Map();

  /**
   * @param heads where each component is now: another number is news
   * @param channel what others LISTEN to, over which names of components are told
   */
  constructor(
    database: Database,
    logger: Logger,
    heads: () => Promise<ReadonlyMap<string, number>>,
    channel: string = EVENTS,
  ) {
    this.#database = database;
    this.#logger = logger;
    this.#heads = heads;
    this.#channel = channel;
    const listener = {
      onConnect: () => this.#wakeAll(),
      onMessage: (payload: string) => this.#heard(payload),
    };
    this.#notifications = new Notifications(database.url, channel, listener, logger);
  }

  onAppend(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#notifications.open();
    this.#looking ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Something was committed here. Never throws. */
  appended(components: readonly string[]): void {
    this.#wake(components);
    for (const component of components) this.#unannounced.add(component);
    if (!this.#closing.signal.aborted) this.#announcing ??= this.#announce();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#listeners.clear();
    await Promise.all([this.#announcing, this.#notifications.close()]);
  }

  #wake(components: readonly string[]): void {
    if (components.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener(components);
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener to new events failed');
      }
    }
  }

  async #announce(): Promise<void> {
    while (this.#unannounced.size > 0) {
      const named = [...this.#unannounced];
      this.#unannounced.clear();
      const isTold = await this.#notify(named.length > MAX_NAMED ? [] : named);
      if (!isTold && this.#closing.signal.aborted) break;
      if (!isTold) for (const component of named) this.#unannounced.add(component);
      await this.#pause(isTold ? NOTIFY_EVERY_MS : AGAIN_MS);
    }
    this.#announcing = null;
  }

  async #notify(components: readonly string[]): Promise<boolean> {
    try {
      // A hint is not worth waiting for the disk.
      await this.#database.query("SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)", [
        this.#channel,
        JSON.stringify({ host: this.#host, components }),
      ]);
      return true;
    } catch (error) {
      this.#logger.warn({ err: error }, 'other hosts hear late of new events');
      return false;
    }
  }

  async #look(): Promise<void> {
    try {
      const heads = await this.#heads();
      const before = this.#known;
      this.#known = heads;
      this.#wake(
        [...heads].flatMap(([component, head]) => (head === before.get(component) ? [] : [component])),
      );
    } catch (error) {
      this.#logger.debug({ reason: messageOf(error) }, 'whether there are new events cannot be seen');
    }
  }

  async #heard(payload: string): Promise<void> {
    const { host, components } = parse(payload);
    if (host === this.#host) return;
    if (components.length > 0) this.#wake(components);
    else await this.#wakeAll();
  }

  async #wakeAll(): Promise<void> {
    this.#wake([...(await this.#heads()).keys()]);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}

/** Any role of the database may notify: what is not as we write it wakes in general. */
function parse(payload: string): { host: string; components: string[] } {
  try {
    const value: unknown = JSON.parse(payload);
    if (value !== null && typeof value === 'object' && 'host' in value && 'components' in value) {
      const { host, components } = value;
      if (typeof host === 'string' && Array.isArray(components)) {
        return { host, components: components.filter((name) => typeof name === 'string') };
      }
    }
  } catch {
    // Not ours; answered below.
  }
  return { host: '', components: [] };
}
