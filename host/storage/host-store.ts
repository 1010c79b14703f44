import { setTimeout as sleep } from 'node:timers/promises';
import { MagError } from '../../kernel/errors.ts';
import type { HostRow, HostStore, Logger } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { applicationName } from './fencing.ts';
import { Notifications } from './notifications.ts';

/** How long the server may take to end the connections of a host that was fenced. */
const TERMINATE_MS = 10_000;
const LOOK_MS = 20;

export interface HostIdentity {
  readonly id: string;
  /** Of its data folder: no two hosts run on one. */
  readonly node: string;
  readonly address: string;
  readonly version: string;
}

/** The hosts on this database. */
export interface PostgresHostStore extends HostStore {
  /** Where this host is reached, once that is known. */
  setAddress(address: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Puts a host on record. Whoever ran on its data folder before cannot run any more: it is fenced.
 * @param database one that is open to a host that has not joined
 */
export async function joinHosts(database: Database, identity: HostIdentity): Promise<void> {
  const { id, node, address, version } = identity;
  await database.query(
    'INSERT INTO mag.hosts (id, node, address, version, pid) VALUES ($1, $2, $3, $4, $5)',
    [id, node, address, version, process.pid],
  );
  const before = await database.query<{ id: string }>(
    'UPDATE mag.hosts SET fenced_at = now() WHERE node = $1 AND id <> $2 AND fenced_at IS NULL RETURNING id',
    [node, id],
  );
  for (const gone of before) await terminate(database, gone.id);
  await database.query("DELETE FROM mag.hosts WHERE fenced_at < now() - interval '1 day'");
}

/** Takes a host off the record, after everything of it has ended. */
export async function leaveHosts(database: Database): Promise<void> {
  await database.query('DELETE FROM mag.hosts WHERE id = $1', [database.hostId]);
}

/** @param database of a host that has joined */
export function createHostStore(database: Database, logger: Logger): PostgresHostStore {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const notifications = new Notifications(
    database.url,
    'mag_desired',
    { onConnect: tell, onMessage: tell },
    logger,
  );
  return {
    id: database.hostId,

    async revision() {
      const [row] = await database.query<{ revision: number }>('SELECT revision FROM mag.desired');
      return row?.revision ?? 0;
    },

    onRevision(listener) {
      listeners.add(listener);
      notifications.open();
      return () => listeners.delete(listener);
    },

    async report({ revision, runs }) {
      const rows = await database.query(
        `UPDATE mag.hosts SET beat = beat + 1, seen_at = now(), revision = $2, runs = $3
         WHERE id = $1 AND fenced_at IS NULL RETURNING 1`,
        [database.hostId, revision, JSON.stringify(runs)],
      );
      if (rows.length === 0) throw new MagError('E_FENCED', 'Another host took over from this one.');
    },

    list() {
      return database.query<HostRow>(
        `SELECT id, address, version, pid, started_at AS "startedAt", seen_at AS "seenAt", beat, revision, runs,
           fenced_at AS "fencedAt"
         FROM mag.hosts ORDER BY started_at, id`,
      );
    },

    async fence(id, beat) {
      const fenced = await database.query(
        'UPDATE mag.hosts SET fenced_at = now() WHERE id = $1 AND beat = $2 AND fenced_at IS NULL RETURNING 1',
        [id, beat],
      );
      if (fenced.length === 0) return false;
      await terminate(database, id);
      return true;
    },

    async setAddress(address) {
      await database.query('UPDATE mag.hosts SET address = $2 WHERE id = $1', [database.hostId, address]);
    },

    close: () => notifications.close(),
  };
}

/**
 * Ends every connection of a host, and with them what it was in the middle of. One that it opens meanwhile
 * either is seen here or asks `mag.admit_host` and is refused.
 */
async function terminate(database: Database, id: string): Promise<void> {
  for (const deadline = Date.now() + TERMINATE_MS; ; await sleep(LOOK_MS)) {
    const left = await database.query(
      // Those of the roles of extensions only where this host has that right: they end by their own timeouts.
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = $1 AND pg_has_role(usesysid, 'USAGE')`,
      [applicationName(id)],
    );
    if (left.length === 0) return;
    if (Date.now() > deadline) {
      throw new MagError('E_STORAGE', 'The connections of a host that was taken over from do not end.');
    }
  }
}
