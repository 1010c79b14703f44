import type { Outbox, StoredEvent } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { outboxLock } from './advisory-locks.ts';
import type { Database } from './database.ts';

/** Events handed over at a time: one batch of the log. */
const BATCH = 200;

interface Row {
  readonly position: number;
  readonly event: Omit<StoredEvent, 'sequence'>;
}

/**
 * What committed transactions of extensions left to be published. A position is given before its commit, so a
 * lower one may turn up later: events of one transaction keep their order, transactions that of their commits.
 */
export function createOutbox(database: Database): Outbox {
  return {
    async waiting() {
      const rows = await database.query<{ extension: ExtensionId }>(
        'SELECT extension FROM mag.outbox GROUP BY extension ORDER BY min(position)',
      );
      return rows.map(({ extension }) => extension);
    },

    hand(extension, over) {
      return database.transaction(async (transaction) => {
        const [lock] = await transaction.query<{ mine: boolean }>(
          'SELECT pg_try_advisory_xact_lock($1) AS mine',
          [outboxLock(extension)],
        );
        if (lock?.mine !== true) return 0;
        // The lock keeps hosts from overtaking each other; the rows are locked against whoever clears the table.
        const rows = await transaction.query<Row>(
          `SELECT position, event FROM mag.outbox WHERE extension = $1
           ORDER BY position LIMIT $2 FOR UPDATE SKIP LOCKED`,
          [extension, BATCH],
        );
        if (rows.length === 0) return 0;
        // Whatever the envelope says: the row is by who was connected.
        await over(rows.map(({ event }) => ({ ...event, source: { component: 'extension', extension } })));
        await transaction.query('DELETE FROM mag.outbox WHERE position = ANY ($1)', [
          rows.map(({ position }) => position),
        ]);
        return rows.length;
      });
    },
  };
}
