import pg from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import { survivingBreaks } from '../../kernel/surviving-breaks.ts';

/** The adapter's own connections with the rights of the host: roles, grants, records and cancelling. */
export interface HostConnection {
  /** What its sessions are called on the server. */
  readonly applicationName: string;
  readonly pool: pg.Pool;
  /** Name of the database all of this happens in. */
  readonly database: string;
  /** Where to connect, without the host's own account. */
  readonly target: pg.ClientConfig;
  /** Runs `work` between BEGIN and COMMIT. @throws `E_STORAGE`, or the MagError of `work` */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
}

/** What the host says of its sessions: their name, and what each begins with. */
export type HostSession = Pick<pg.PoolConfig, 'application_name' | 'onConnect'>;

/** @throws `E_CONFIG` when nothing answers behind the URL */
export async function openHostConnection(
  url: string,
  logger: Logger,
  session: HostSession = {},
): Promise<HostConnection> {
  const { application_name: applicationName = 'magflock-magds' } = session;
  const pool = new pg.Pool({
    connectionString: url,
    ...session,
    application_name: applicationName,
    max: 4,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
  });
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle database connection was lost'));
  survivingBreaks(pool);
  try {
    const { rows } = await pool.query<{ name: string }>('SELECT current_database() AS name');
    return {
      applicationName,
      pool,
      database: rows[0]?.name ?? '',
      target: targetOf(url),
      transaction: (work) => runTransaction(pool, work),
    };
  } catch (cause) {
    await pool.end();
    throw new MagError('E_CONFIG', 'The database does not answer at the configured URL.', { cause });
  }
}

/** The parts of the URL that hold for every account, read by the driver itself. */
function targetOf(url: string): pg.ClientConfig {
  const { host, port, database, ssl } = new pg.Client({ connectionString: url });
  return { host, port, ssl, ...(database === undefined ? {} : { database }) };
}

async function runTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((cause: unknown) => {
    throw new MagError('E_STORAGE', 'The database does not answer.', { cause });
  });
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (thrown) {
    // Closing the connection rolls back whatever state it is in.
    client.release(true);
    if (thrown instanceof MagError) throw thrown;
    throw new MagError('E_STORAGE', 'The database refused a statement of the host.', { cause: thrown });
  }
}
