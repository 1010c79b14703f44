import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { MagError } from '../../kernel/errors.ts';
import { ADVISORY_LOCKS } from './advisory-locks.ts';
import { connectionComplaint } from './database-errors.ts';

/** How long the connection of a host that was just killed may take to be noticed. */
const PATIENCE_MS = 3_000;
const RETRY_MS = 100;

/**
 * Makes this the only host on a data folder, for as long as the process lives and the result is not disposed.
 * @param key of the lock; default: there is one data folder per database
 * @param onLost called once when the connection that holds the lock broke and another host took it, or
 *   Postgres did not come back in time: this host must stop
 * @throws `E_CONFIG` when another host holds it
 */
export async function acquireHostLock(
  url: string,
  key: number = ADVISORY_LOCKS.host,
  onLost: () => void = () => {},
): Promise<AsyncDisposable> {
  let released = false;
  let client = await lockedClient(url, key, broken);

  function broken(): void {
    if (released) return;
    // A server that crashed and recovered has ended every session, and with it the lock.
    lockedClient(url, key, broken, 10 * PATIENCE_MS).then(
      async (next) => {
        client = next;
        if (released) await client.end();
      },
      () => {
        if (!released) onLost();
      },
    );
  }

  return {
    async [Symbol.asyncDispose]() {
      if (released) return;
      released = true;
      // Said, because the server notices a closed connection only a moment later. A broken one has no lock.
      await client.query('SELECT pg_advisory_unlock_all()').catch(() => {});
      await client.end();
    },
  };
}

async function lockedClient(
  url: string,
  key: number,
  onBroken: () => void,
  patienceMs = PATIENCE_MS,
): Promise<pg.Client> {
  for (const deadline = Date.now() + patienceMs; ; await sleep(RETRY_MS)) {
    const last = Date.now() > deadline;
    try {
      const client = await tryLock(url, key, onBroken);
      if (client !== null) return client;
      if (last) throw new MagError('E_CONFIG', 'Another host runs on this data folder.');
    } catch (error) {
      if (error instanceof MagError) throw error;
      if (last) throw new MagError('E_CONFIG', connectionComplaint(error), { cause: error });
    }
  }
}

async function tryLock(url: string, key: number, onBroken: () => void): Promise<pg.Client | null> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'magflock host lock',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const asked = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [key]);
    if (asked.rows[0]?.locked === true) {
      client.once('end', onBroken);
      return client;
    }
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  await client.end();
  return null;
}
