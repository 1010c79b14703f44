import { createClient } from '@redis/client';
import { MagError, messageOf } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import type { StoreRecord } from './store-record.ts';

const CONNECT_MS = 2_000;
/** With connecting, and less than the deadline of the host calls. */
const ANSWER_MS = 4_000;
/** Commands that wait for answers at once. */
const MAX_QUEUE = 10_000;

type Client = ReturnType<typeof openClient>;
type Argument = string | Buffer;

export interface ConnectionParts {
  /** The value of a shared secret; `null`: it is missing or cannot be used. */
  readonly password: (secret: string) => Promise<string | null>;
  readonly logger: Logger;
}

/**
 * A connection to one Redis server. It is opened when it is needed, and anew after it was lost: what is asked for
 * meanwhile fails. Nothing waits for a server to come back, and nothing is sent twice.
 */
export class RedisConnection {
  readonly #record: StoreRecord;
  readonly #parts: ConnectionParts;
  #client: Promise<Client> | null = null;

  constructor(record: StoreRecord, parts: ConnectionParts) {
    this.#record = record;
    this.#parts = parts;
  }

  /** @throws `E_STORE_UNAVAILABLE`, without the address; the `cause` has the answer of the server */
  async send<Reply>(command: readonly Argument[], signal: AbortSignal): Promise<Reply> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(this.#unavailable('does not answer'));
      this.#drop(); // what is still waiting to be sent is not to be done later
    }, ANSWER_MS);
    const onAbort = () => late.reject(this.#unavailable('did not answer in time'));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) throw this.#unavailable('was not asked: nobody waits any more');
      const client = await Promise.race([this.#open(), late.promise]);
      return (await Promise.race([client.sendCommand([...command]), late.promise])) as Reply;
    } catch (cause) {
      if (cause instanceof MagError || isMissingScript(cause)) throw cause;
      if (!isReply(cause)) this.#drop();
      throw this.#unavailable(isReply(cause) ? `refuses: ${codeOfReply(cause)}` : 'does not answer', cause);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      late.promise.catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#drop();
  }

  #open(): Promise<Client> {
    const opening = this.#client ?? this.#connect();
    this.#client = opening;
    opening.catch(() => {
      if (this.#client === opening) this.#client = null;
    });
    return opening;
  }

  async #connect(): Promise<Client> {
    const { username, passwordSecret, name } = this.#record;
    const password = passwordSecret === null ? null : await this.#parts.password(passwordSecret);
    if (passwordSecret !== null && password === null)
      throw this.#unavailable(`cannot be entered: the secret ${passwordSecret} is missing or cannot be used`);
    const client = openClient(this.#record.url, username, password);
    client.on('error', (error: unknown) => {
      this.#parts.logger.warn(
        { store: name, reason: messageOf(error) },
        'the connection to a store was lost',
      );
      this.#drop(client);
    });
    client.on('end', () => this.#drop(client));
    await client.connect();
    return client;
  }

  /** The next that asks opens a new one. */
  #drop(only?: Client): void {
    const dropped = this.#client;
    if (dropped === null) return;
    void dropped.then(
      (client) => {
        if (only !== undefined && client !== only) return;
        if (this.#client === dropped) this.#client = null;
        if (client.isOpen) client.destroy();
      },
      () => undefined, // it never opened: whoever asked for it was told
    );
  }

  #unavailable(why: string, cause?: unknown): MagError {
    return new MagError('E_STORE_UNAVAILABLE', `The store ${this.#record.name} ${why}.`, { cause });
  }
}

function openClient(url: string, username: string | null, password: string | null) {
  return createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUE,
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false, noDelay: true },
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
  });
}

/** An answer of the server, which leaves the connection as it was. */
function isReply(thrown: unknown): thrown is Error {
  return thrown instanceof Error && /^[A-Z]{2,20} /.test(thrown.message);
}

export function isMissingScript(thrown: unknown): boolean {
  return isReply(thrown) && thrown.message.startsWith('NOSCRIPT ');
}

/** `WRONGPASS`, `OOM`, `READONLY`: the word the answer begins with, which never has an address in it. */
function codeOfReply(reply: Error): string {
  return reply.message.slice(0, reply.message.indexOf(' '));
}
