import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { MagError, toMagError } from '../../kernel/errors.ts';
import { survivingBreaks } from '../../kernel/surviving-breaks.ts';
import { connectionComplaint, storageError } from './database-errors.ts';
import { admitted } from './fencing.ts';

/** A statement that runs often: each connection parses and plans it once, and knows it by its name. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** What a query is run with: the database itself, or one transaction on it. */
export interface Querier {
  /**
   * One statement with `$1` parameters; resolves with its rows.
   * @throws `E_STORAGE`, with the error of `pg` as its cause; `E_BAD_REQUEST` for a value no column can hold
   */
  query<Row extends object>(statement: string | Prepared, values?: readonly unknown[]): Promise<Row[]>;
}

/** The Postgres of the host, through a bounded pool. */
export interface Database extends Querier, AsyncDisposable {
  /** Carries the password: never log it. */
  readonly url: string;
  /** The host that works with it: on record with what it does. */
  readonly hostId: string;
  /** `server_version_num`: 180006 for 18.6. */
  readonly versionNum: number;
  /** Runs `work` between BEGIN and COMMIT; what it throws rolls back and is thrown on. */
  transaction<T>(work: (transaction: Querier) => Promise<T>): Promise<T>;
  /** Waits for running queries. Idempotent. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /**
   * A host that has joined (`host-store.ts`): its connections carry its name, and it gets none once another one
   * took over. Default: nobody in particular, before a host has joined.
   */
  readonly hostId?: string;
  /** Default 10. */
  readonly maxConnections?: number;
  /** After this many milliseconds the server cancels a statement. Default 15,000. */
  readonly statementTimeoutMs?: number;
}

/**
 * Connects and proves that the server answers.
 * @throws `E_CONFIG` when the URL is no Postgres URL, or nothing usable is behind it; every use of it throws
 *   `E_FENCED` once another host took over from this one
 */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const pool = openPool(url, options);
  try {
    const shown = await pool.query<{ version: number; encoding: string }>(
      "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding",
    );
    const server = shown.rows[0];
    if (server?.encoding !== 'UTF8') {
      throw new MagError('E_CONFIG', 'DATABASE_URL: the encoding of the database must be UTF8.');
    }
    return new PooledDatabase(url, options.hostId ?? randomUUID(), pool, server.version);
  } catch (cause) {
    await pool.end();
    throw toMagError(cause, 'E_CONFIG', connectionComplaint(cause));
  }
}

/** Connections for what brings its own queries. @throws `E_CONFIG` when the URL is no Postgres URL */
export function openPool(url: string, options: DatabaseOptions): pg.Pool {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new MagError('E_CONFIG', 'DATABASE_URL: not a URL that begins with postgresql://.');
  }
  try {
    const pool = new pg.Pool({
      connectionString: url,
      ...(options.hostId === undefined ? { application_name: 'magflock' } : admitted(options.hostId)),
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
    survivingBreaks(pool);
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
  readonly hostId: string;
  readonly versionNum: number;
  readonly #pool: pg.Pool;
  #closed: Promise<void> | null = null;

  constructor(url: string, hostId: string, pool: pg.Pool, versionNum: number) {
    this.url = url;
    this.hostId = hostId;
    this.versionNum = versionNum;
    this.#pool = pool;
  }

  query<Row extends object>(statement: string | Prepared, values: readonly unknown[] = []): Promise<Row[]> {
    return runQuery<Row>(this.#pool, statement, values);
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
      const transaction: Querier = {
        query: (statement, values = []) => runQuery(client, statement, values),
      };
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
  on: { query(statement: string | Prepared, values: unknown[]): Promise<{ rows: unknown[] }> },
  statement: string | Prepared,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await on.query(statement, [...values]);
    return result.rows as Row[];
  } catch (cause) {
    throw storageError(cause);
  }
}
