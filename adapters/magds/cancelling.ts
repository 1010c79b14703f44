import pg, { type PoolClient } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { HostConnection } from './host-connection.ts';

/** How long a statement may take to end after it was cancelled, in milliseconds. */
const CANCEL_GRACE_MS = 1_000;
const IDLE_FOR_TOO_LONG = '25P03';
const CANCELLED = '57014';
const LOCK_NOT_AVAILABLE = '55P03';

/** Ends a statement when its time is over: by asking the server, then by cutting the connection. */
export class Cancelling {
  readonly #ended: AbortSignal;
  readonly #client: PoolClient;
  readonly #onEnd: () => void;
  #asked: Promise<unknown> | null = null;
  #cut: NodeJS.Timeout | undefined;

  constructor(host: HostConnection, client: PoolClient, ended: AbortSignal) {
    this.#ended = ended;
    this.#client = client;
    // A connection that breaks fails its query, which is where it is dealt with.
    client.on('error', ignore);
    const pid: unknown = Reflect.get(client, 'processID'); // the driver's types lack it
    this.#onEnd = () => {
      this.#asked = host.pool.query('SELECT pg_cancel_backend($1)', [pid]).catch(ignore);
      this.#cut = setTimeout(() => client.connection.stream.destroy(), CANCEL_GRACE_MS);
    };
    ended.addEventListener('abort', this.#onEnd, { once: true });
    if (ended.aborted) this.#onEnd();
  }

  /** @returns whether it was cancelled: the connection must be closed. Waits for a cancel under way. */
  async finish(): Promise<boolean> {
    this.#ended.removeEventListener('abort', this.#onEnd);
    clearTimeout(this.#cut);
    await this.#asked;
    this.#client.off('error', ignore);
    return this.#asked !== null;
  }
}

/** Ends what is left open. After a COMMIT it does nothing. @returns false when the connection must be closed */
export async function rolledBack(client: PoolClient): Promise<boolean> {
  if (client.getTransactionStatus() === 'I') return true;
  client.on('error', ignore);
  const cut = setTimeout(() => client.connection.stream.destroy(), CANCEL_GRACE_MS);
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(cut);
    client.off('error', ignore);
  }
}

/** What a statement threw, as an error of its caller. @param ended aborted when its time was over */
export function queryError(thrown: unknown, ended: AbortSignal): MagError {
  if (ended.aborted) return abortError(ended);
  if (thrown instanceof MagError) return thrown;
  if (!(thrown instanceof pg.DatabaseError) || thrown.code?.startsWith('57P')) return lostError(thrown);
  if (thrown.code === IDLE_FOR_TOO_LONG) return lostError(thrown);
  if (thrown.code === LOCK_NOT_AVAILABLE)
    return new MagError('E_DB_TIMEOUT', 'Another transaction held what it needs for too long.', {
      cause: thrown,
    });
  if (thrown.code === CANCELLED)
    return new MagError('E_DB_TIMEOUT', 'The statement was cancelled.', { cause: thrown });
  return new MagError('E_DB', `${thrown.code ?? 'XX000'}: ${thrown.message}`, { cause: thrown });
}

/** The server ended the connection, or it broke. */
export function lostError(cause: unknown): MagError {
  if (cause instanceof pg.DatabaseError && cause.code === IDLE_FOR_TOO_LONG)
    return new MagError('E_DB_TIMEOUT', 'Nothing was done in the transaction for too long.', { cause });
  return new MagError('E_STORAGE', 'The connection to the database was lost.', { cause });
}

/** The reason of the signal when that is one of ours, else that the time is over. */
export function abortError({ reason }: AbortSignal): MagError {
  if (reason instanceof MagError) return reason;
  return new MagError('E_DB_TIMEOUT', 'The statement ran longer than its deadline and was cancelled.');
}

function ignore(): void {}
