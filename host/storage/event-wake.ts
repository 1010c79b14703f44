import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../../kernel/ports.ts';
import type { Database } from './database.ts';

const CHANNEL = 'mag_events';
/** Other hosts hear of appends at most this often: a notification takes a lock all of Postgres shares. */
const NOTIFY_EVERY_MS = 20;
const MAX_RECONNECT_MS = 5_000;
/** Postgres takes 8,000 bytes; this many names of 256 characters do not fit, so many only wake in general. */
const MAX_NAMED = 20;

type Listener = (components: readonly string[]) => void;

/**
 * Tells who waits for events that there are new ones: at once on this host, by LISTEN/NOTIFY on the others.
 * Only a hint: a lost or forged one makes a reader late, or look in vain.
 */
export class EventWake {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #components: () => Promise<readonly string[]>;
  readonly #host = randomUUID();
  readonly #listeners = new Set<Listener>();
  readonly #closing = new AbortController();
  readonly #unannounced = new Set<string>();
  #announcing: Promise<void> | null = null;
  #listening: Promise<void> | null = null;

  constructor(database: Database, logger: Logger, components: () => Promise<readonly string[]>) {
    this.#database = database;
    this.#logger = logger;
    this.#components = components;
  }

  onAppend(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#listening ??= this.#listen();
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
    this.#listeners.clear();
    await Promise.all([this.#announcing, this.#listening]);
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
      const components = named.length > MAX_NAMED ? [] : named;
      const payload = JSON.stringify({ host: this.#host, components });
      await this.#database
        // A hint is not worth waiting for the disk.
        .query("SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)", [CHANNEL, payload])
        .catch((error: unknown) => this.#logger.warn({ err: error }, 'other hosts hear late of new events'));
      await this.#pause(NOTIFY_EVERY_MS);
    }
    this.#announcing = null;
  }

  /** Keeps a connection that listens, until closed. After each connect everybody looks: some may have been missed. */
  async #listen(): Promise<void> {
    for (let waitMs = 100; !this.#closing.signal.aborted; waitMs = Math.min(waitMs * 2, MAX_RECONNECT_MS)) {
      const started = Date.now();
      try {
        await this.#listenOnce();
      } catch (error) {
        this.#logger.warn({ err: error }, 'the connection that hears of new events broke');
      }
      if (Date.now() - started > MAX_RECONNECT_MS) waitMs = 100;
      await this.#pause(waitMs);
    }
  }

  async #listenOnce(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#database.url,
      application_name: 'magflock events',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    client.on('error', () => end());
    client.on('end', () => end());
    client.on('notification', ({ payload }) => void this.#heard(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.#wake(await this.#components());
      this.#closing.signal.addEventListener('abort', () => end(), { once: true });
      if (!this.#closing.signal.aborted) await ended;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async #heard(payload: string): Promise<void> {
    const { host, components } = parse(payload);
    if (host === this.#host) return;
    try {
      this.#wake(components.length > 0 ? components : await this.#components());
    } catch (error) {
      this.#logger.warn({ err: error }, 'new events were announced but cannot be looked up');
    }
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
