import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { messageOf } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';

const MAX_RECONNECT_MS = 5_000;

export interface ChannelListener {
  /** After each connect: what was sent before it, or while the connection was broken, was missed. */
  readonly onConnect: () => void | Promise<void>;
  readonly onMessage: (payload: string) => void | Promise<void>;
}

/**
 * A connection of its own that LISTENs to one channel, for as long as it is not closed. Whatever comes over it
 * is a hint: notifications are lost when it breaks, and any role of the database may forge one.
 */
export class Notifications {
  readonly #url: string;
  readonly #channel: string;
  readonly #listener: ChannelListener;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  #listening: Promise<void> | null = null;

  constructor(url: string, channel: string, listener: ChannelListener, logger: Logger) {
    this.#url = url;
    this.#channel = channel;
    this.#listener = listener;
    this.#logger = logger;
  }

  /** Idempotent. */
  open(): void {
    if (!this.#closing.signal.aborted) this.#listening ??= this.#listen();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    for (let waitMs = 100; !this.#closing.signal.aborted; waitMs = Math.min(waitMs * 2, MAX_RECONNECT_MS)) {
      const started = Date.now();
      try {
        await this.#listenOnce();
      } catch (error) {
        this.#logger.warn({ channel: this.#channel, err: error }, 'the connection that hears of news broke');
      }
      if (Date.now() - started > MAX_RECONNECT_MS) waitMs = 100;
      await sleep(waitMs, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }

  async #listenOnce(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: `magflock ${this.#channel}`,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    client.on('error', () => end());
    client.on('end', () => end());
    client.on('notification', ({ payload }) => this.#tell(() => this.#listener.onMessage(payload ?? '')));
    try {
      await client.connect();
      await client.query(`LISTEN ${this.#channel}`);
      this.#tell(this.#listener.onConnect);
      this.#closing.signal.addEventListener('abort', () => end(), { once: true });
      if (!this.#closing.signal.aborted) await ended;
    } finally {
      await client.end().catch(() => {});
    }
  }

  #tell(work: () => void | Promise<void>): void {
    Promise.resolve()
      .then(work)
      .catch((error: unknown) =>
        this.#logger.warn(
          { channel: this.#channel, reason: messageOf(error) },
          'there is news that cannot be looked up',
        ),
      );
  }
}
