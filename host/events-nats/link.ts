import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type ConnectionOptions, connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { MagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';

/** How long the server has for an answer. */
export const ANSWER_MS = 5_000;
const RECONNECT_EVERY_MS = 500;

/** The connection to NATS, which comes back by itself. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly #logger: Logger;
  readonly #listeners = new Set<(connected: boolean) => void>();
  #connected = true;
  #closing: Promise<void> | null = null;

  private constructor(connection: NatsConnection, manager: JetStreamManager, logger: Logger) {
    this.connection = connection;
    this.manager = manager;
    this.#logger = logger;
    void this.#watch();
  }

  /**
   * @param url servers, separated by commas, with the name and password or the token of the first
   * @throws `E_CONFIG` when nobody answers, lets us in, or has JetStream. No text repeats the address.
   */
  static async open(url: string, logger: Logger): Promise<NatsLink> {
    const connection = await connectTo(optionsOf(url));
    try {
      return new NatsLink(connection, await jetstreamManager(connection, { timeout: ANSWER_MS }), logger);
    } catch (cause) {
      await connection.close();
      throw unusable('the server at NATS_URL has no JetStream, or not for this account', cause);
    }
  }

  get connected(): boolean {
    return this.#connected;
  }

  /**
   * Asks the servers, at once in vain while the connection is lost.
   * @throws `E_STORAGE`
   */
  async ask<Answer>(question: (manager: JetStreamManager) => Promise<Answer>): Promise<Answer> {
    if (!this.#connected) throw unreachable();
    try {
      return await question(this.manager);
    } catch (failure) {
      throw storageError(failure);
    }
  }

  /** Calls back when the connection was lost, and when it is there again. */
  onChange(listener: (connected: boolean) => void): void {
    this.#listeners.add(listener);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.connection.close();
    return this.#closing;
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#changed(false);
      if (status.type === 'reconnect') this.#changed(true);
      if (status.type === 'error')
        this.#logger.warn({ reason: status.error.message }, 'NATS reports an error');
    }
  }

  #changed(connected: boolean): void {
    if (this.#connected === connected || this.#closing !== null) return;
    this.#connected = connected;
    if (connected) this.#logger.info({}, 'connected to NATS again');
    else this.#logger.error({}, 'the connection to NATS is lost; events wait until it is back');
    for (const listener of this.#listeners) listener(connected);
  }
}

/** What NATS did, as the kernel knows it. Its own words name no address. */
export function storageError(cause: unknown): MagError {
  if (cause instanceof MagError) return cause;
  const why =
    cause instanceof JetStreamApiError
      ? cause.message
      : cause instanceof errors.TimeoutError
        ? 'it does not answer in time'
        : 'it cannot be reached, or has no JetStream now';
  return new MagError('E_STORAGE', `the event log in NATS: ${why}`, { cause });
}

export function unreachable(): MagError {
  return new MagError('E_STORAGE', 'the event log in NATS: the connection is lost');
}

async function connectTo(options: ConnectionOptions): Promise<NatsConnection> {
  try {
    return await connect(options);
  } catch (cause) {
    const why = isRefusal(cause)
      ? 'the server at NATS_URL does not take the name and password in it'
      : 'no NATS server answers at NATS_URL';
    throw unusable(why, cause);
  }
}

function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return cause instanceof errors.AuthorizationError || isRefusal(cause.cause);
}

/** A host that is to keep its events in NATS never falls back to Postgres. */
export function unusable(why: string, cause?: unknown): MagError {
  return new MagError('E_CONFIG', `MAG_EVENTS is nats, but ${why}`, { cause });
}

function optionsOf(text: string): ConnectionOptions {
  const urls = text.split(',').map((one) => {
    if (!URL.canParse(one) || new URL(one).hostname === '')
      throw unusable('NATS_URL is no list of addresses');
    return new URL(one);
  });
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? '4222' : port}`),
    ...credentialsOf(urls),
    ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
    name: 'magflock',
    timeout: ANSWER_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_EVERY_MS,
    ignoreAuthErrorAbort: true, // whoever changes a password does not do it everywhere at once
  };
}

function credentialsOf(urls: readonly URL[]): { user: string; pass: string } | { token: string } | object {
  const given = urls.find(({ username }) => username !== '');
  if (given === undefined) return {};
  const user = decoded(given.username);
  return given.password === '' ? { token: user } : { user, pass: decoded(given.password) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
