import pg from 'pg';
import { MagError, toMagError } from '../../kernel/errors.ts';
import { connectionComplaint, storageError } from './database-errors.ts';

/** What a query is run with: the database itself, or one transaction on it. */
export interface Querier {
  /**
   * One statement with `$1` parameters; resolves with its rows.
   * @throws `E_STORAGE`, with the error of `pg` as its cause
   */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** The Postgres of the host, through a bounded pool. */
export interface Database extends Querier, AsyncDisposable {
  /** Carries the password: never log it. */
  readonly url: string;
  /** `server_version_num`: 180006 for 18.6. */
  readonly versionNum: number;
  /** Runs `work` between BEGIN and COMMIT; what it throws rolls back and is thrown on. */
  transaction<T>(work: (transaction: Querier) => Promise<T>): Promise<T>;
  /** Waits for running queries. Idempotent. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Default 10. */
  readonly maxConnections?: number;
  /** After this many milliseconds the server cancels a statement. Default 15,000. */
  readonly statementTimeoutMs?: number;
}

/**
 * Connects and proves that the server answers.
 * @throws `E_CONFIG` when the URL is no Postgres URL, or nothing usable is behind it
 */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const pool = createPool(url, options);
  try {
    const shown = await pool.query<{ version: number; encoding: string }>(
      "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding",
    );
    const server = shown.rows[0];
    if (server?.encoding !== 'UTF8') {
      throw new MagError('E_CONFIG', 'DATABASE_URL: the encoding of the database must be UTF8.');
    }
    return new PooledDatabase(url, pool, server.version);
  } catch (cause) {
    await pool.end();
    throw toMagError(cause, 'E_CONFIG', connectionComplaint(cause));
  }
}

function createPool(url: string, options: DatabaseOptions): pg.Pool {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new MagError('E_CONFIG', 'DATABASE_URL: not a URL that begins with postgresql://.');
  }
  try {
    const pool = new pg.Pool({
      connectionString: url,
      application_name: 'magflock',
      max: options.maxConnections ?? 10,
      connectionTimeoutMillis: 10_000,
      idleTimeoutMillis: 30_000,
      statement_timeout: options.statementTimeoutMs ?? 15_000,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
      types: { getTypeParser: parserOf },
    });
    // An idle connection that breaks is dropped by the pool; whoever queries next hears of it.
    pool.on('error', () => {});
    return pool;
  } catch (cause) {
    throw new MagError('E_CONFIG', 'DATABASE_URL: not a valid URL.', { cause });
  }
}

/** Counters, sizes and sequences are `bigint` columns and stay far below 2^53: they come as numbers. */
function parserOf(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
}

class PooledDatabase implements Database {
  readonly url: string;
  readonly versionNum: number;
  readonly #pool: pg.Pool;
  #closed: Promise<void> | null = null;

  constructor(url: string, pool: pg.Pool, versionNum: number) {
    this.url = url;
    this.versionNum = versionNum;
    this.#pool = pool;
  }

  query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return runQuery<Row>(this.#pool, text, values);
  }

  async transaction<T>(work: (transaction: Querier) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((cause: unknown) => {
      throw storageError(cause);
    });
    let broken: Error | undefined;
    client.on('error', noteBreak);
    function noteBreak(error: Error): void {
      broken = error;
    }
    try {
      const transaction: Querier = { query: (text, values = []) => runQuery(client, text, values) };
      await transaction.query('BEGIN');
      const result = await work(transaction);
      await transaction.query('COMMIT');
      return result;
    } catch (error) {
      // A connection that cannot even roll back is not given to the next one.
      await client.query('ROLLBACK').catch((cause: Error) => noteBreak(cause));
      throw error;
    } finally {
      client.off('error', noteBreak);
      client.release(broken);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function runQuery<Row extends object>(
  on: { query(text: string, values: unknown[]): Promise<{ rows: unknown[] }> },
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await on.query(text, [...values]);
    return result.rows as Row[];
  } catch (cause) {
    throw storageError(cause);
  }
}
