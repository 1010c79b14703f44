import pg from 'pg';
import { MagError } from '../../kernel/errors.ts';
import { type Database, openDatabase } from './database.ts';
import { applicationName } from './fencing.ts';

/** First key of the advisory locks under which something is done to a database of a project. */
const LOCK_SPACE = 557_704;

/** The server the host lives on, with the other databases it has there. */
export interface DatabaseServer {
  /** The database of the host itself. */
  readonly platform: Database;
  /** What that one is called. */
  readonly platformName: string;
  /**
   * A database by its name on the server, with one connection.
   * @param as default: the account of the host
   * @throws `E_STORAGE`
   */
  open(name: string, as?: { readonly role: string; readonly password: string }): Promise<Database>;
  /** How the host connects to a database, for programs that take its parts one by one. */
  target(name: string): ConnectionTarget;
  /** `null`: somebody else holds it. It falls with the host, whatever becomes of it. */
  tryLock(key: string): Promise<HeldLock | null>;
}

export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** What the connections are called, so that who takes over from this host ends them. */
  readonly applicationName: string;
  /** `sslmode` and the like, as the address of the host has them. */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface HeldLock extends AsyncDisposable {
  /** Aborted when the connection that holds the lock broke: somebody else may have it. */
  readonly lost: AbortSignal;
}

/** Long enough for an index on a large table. */
const STATEMENT_MS = 300_000;

export async function createDatabaseServer(platform: Database): Promise<DatabaseServer> {
  const [row] = await platform.query<{ name: string }>('SELECT current_database() AS name');
  return {
    platform,
    platformName: row?.name ?? '',
    async open(name, as) {
      const address = new URL(platform.url);
      address.pathname = `/${encodeURIComponent(name)}`;
      if (as !== undefined) [address.username, address.password] = [as.role, as.password];
      address.searchParams.set('application_name', applicationName(platform.hostId));
      try {
        return await openDatabase(address.href, { maxConnections: 1, statementTimeoutMs: STATEMENT_MS });
      } catch (cause) {
        throw new MagError('E_STORAGE', 'The database of the project does not answer.', { cause });
      }
    },
    target: (name) => targetOf(platform, name),
    tryLock: (key) => tryLock(platform, key),
  };
}

/** Read by the driver itself, which knows what the address leaves out. */
function targetOf(platform: Database, database: string): ConnectionTarget {
  const { host, port, user, password } = new pg.Client({ connectionString: platform.url });
  return {
    host,
    port,
    user: user ?? '',
    password: password ?? '',
    database,
    applicationName: applicationName(platform.hostId),
    parameters: new Map(new URL(platform.url).searchParams),
  };
}

async function tryLock(platform: Database, key: string): Promise<HeldLock | null> {
  const lost = new AbortController();
  const client = new pg.Client({
    connectionString: platform.url,
    application_name: applicationName(platform.hostId),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on('error', () => {});
  client.once('end', () => lost.abort());
  try {
    await client.connect();
    const { rows } = await client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
      [LOCK_SPACE, key],
    );
    if (rows[0]?.locked === true) {
      return { lost: lost.signal, [Symbol.asyncDispose]: () => client.end() };
    }
  } catch (cause) {
    await client.end().catch(() => {});
    throw new MagError('E_STORAGE', 'The database of the host does not answer.', { cause });
  }
  await client.end();
  return null;
}
