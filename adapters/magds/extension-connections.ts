import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { MagError, toMagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import { survivingBreaks } from '../../kernel/surviving-breaks.ts';
import type { Code } from '../../manifests/catalog/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostConnection } from './host-connection.ts';
import { findAccount } from './roles.ts';

/** Connections of one extension on this host. */
export const MAX_CONNECTIONS = 4;
const ASK_AGAIN_MS = 20;
const TOO_MANY_CONNECTIONS = '53300';

/** One pool per extension, connected as its own role. */
export interface ExtensionConnections extends AsyncDisposable {
  /**
   * A connection of the role, to be released.
   * @throws `E_DB_TIMEOUT` when none is free within `waitMs`, `E_STORAGE`
   */
  acquire(extension: ExtensionId, waitMs: number): Promise<pg.PoolClient>;
  /** Closes the connections of an extension; the next `acquire` opens new ones. */
  release(extension: ExtensionId): Promise<void>;
}

/** @param failed is told of each connection that somebody did not get */
export function createExtensionConnections(
  host: HostConnection,
  logger: Logger,
  failed: (extension: ExtensionId, code: Code) => void,
): ExtensionConnections {
  const pools = new Map<ExtensionId, Promise<pg.Pool>>();

  /** Remembered while it works, so that the next call after a failure tries again. */
  function poolOf(extension: ExtensionId): Promise<pg.Pool> {
    const known = pools.get(extension);
    if (known !== undefined) return known;
    const opened = openPool(host, extension, logger);
    pools.set(extension, opened);
    opened.catch(() => pools.delete(extension));
    return opened;
  }

  async function release(extension: ExtensionId): Promise<void> {
    const pool = pools.get(extension);
    pools.delete(extension);
    await pool?.then(
      (opened) => opened.end(),
      () => undefined, // it never opened: whoever asked for it was told
    );
  }

  return {
    async acquire(extension, waitMs) {
      try {
        return await acquireWithin(await poolOf(extension), waitMs);
      } catch (failure) {
        failed(extension, toMagError(failure).code);
        throw failure;
      }
    },
    release,
    async [Symbol.asyncDispose]() {
      await Promise.all([...pools.keys()].map((extension) => release(extension)));
    },
  };
}

async function openPool(host: HostConnection, extension: ExtensionId, logger: Logger): Promise<pg.Pool> {
  const account = await findAccount(host.pool, extension).catch((cause: unknown) => {
    throw new MagError('E_STORAGE', 'The database does not answer.', { cause });
  });
  if (account === null)
    throw new MagError('E_STATE', `${extension} has no database role: it is not installed.`);
  const pool = new pg.Pool({
    ...host.target,
    user: account.role,
    password: account.password,
    application_name: `magflock ${extension}`.slice(0, 63),
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
  });
  pool.on('error', (error) => logger.warn({ err: error, extension }, 'an idle database connection was lost'));
  survivingBreaks(pool);
  return pool;
}

/** The pool's own timeout is fixed; a connection that comes too late is handed back. */
async function acquireWithin(pool: pg.Pool, waitMs: number): Promise<pg.PoolClient> {
  const connecting = connect(pool, Date.now() + waitMs);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(tooLate());
    connecting.then(
      (client) => client.release(),
      () => undefined, // the caller was told of the timeout already
    );
  }, waitMs);
  try {
    return await Promise.race([connecting, late.promise]);
  } catch (cause) {
    if (cause instanceof MagError) throw cause;
    throw new MagError('E_STORAGE', 'The database does not take a connection of the extension.', { cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The role has as many connections as it may have over all hosts, those of a host that was killed a moment ago
 * included: one of this host or another one will be free, as if the pool were larger.
 */
async function connect(pool: pg.Pool, until: number): Promise<pg.PoolClient> {
  for (;;) {
    try {
      return await pool.connect();
    } catch (failure) {
      if (!isTooMany(failure)) throw failure;
      if (Date.now() > until) throw tooLate(failure);
      await sleep(ASK_AGAIN_MS);
    }
  }
}

function tooLate(cause?: unknown): MagError {
  return new MagError('E_DB_TIMEOUT', 'No database connection was free in time.', { cause });
}

function isTooMany(failure: unknown): boolean {
  return failure instanceof pg.DatabaseError && failure.code === TOO_MANY_CONNECTIONS;
}
