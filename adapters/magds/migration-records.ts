import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { MigrationFile } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

export type Direction = 'up' | 'down';

/**
 * What ran, in `mag.extension_migrations`, where no extension can write. A row is written by the host, the
 * migration runs in another session as the role, so a crash may fall between the two commits. The row is
 * therefore written first, with the id of the transaction the migration runs in; the server knows how that
 * transaction ended (`pg_xact_status`), and the row is settled by it before anything else is done. A marker
 * inside the schema would do too, but the extension could write it.
 */
export interface MigrationRecords {
  /** Settles what a crash left open, and returns what is applied: name to checksum, oldest first. */
  applied(extension: ExtensionId): Promise<Map<string, string>>;
  begin(
    extension: ExtensionId,
    files: readonly MigrationFile[],
    direction: Direction,
    transactionId: string,
  ): Promise<void>;
  /** Makes the rows of a transaction say how it ended. */
  settle(extension: ExtensionId): Promise<void>;
  clear(extension: ExtensionId): Promise<void>;
}

/** How often a transaction that is just ending is asked for, and the pause in milliseconds. */
const SETTLE_ATTEMPTS = 100;
const SETTLE_PAUSE_MS = 50;

export function createMigrationRecords(pool: Pool): MigrationRecords {
  const settle = (extension: ExtensionId): Promise<void> => settleOpen(pool, extension);
  return {
    settle,
    async applied(extension) {
      await settle(extension);
      const { rows } = await pool.query<{ name: string; checksum: string }>(
        "SELECT name, checksum FROM mag.extension_migrations WHERE extension_id = $1 AND state = 'applied' ORDER BY name",
        [extension],
      );
      return new Map(rows.map(({ name, checksum }) => [name, checksum]));
    },
    async begin(extension, files, direction, transactionId) {
      await pool.query(
        `INSERT INTO mag.extension_migrations (extension_id, name, checksum, state, transaction_id)
         SELECT $1, given.name, given.checksum, $4, $5::xid8
         FROM unnest($2::text[], $3::text[]) AS given (name, checksum)
         ON CONFLICT (extension_id, name) DO UPDATE SET state = $4, transaction_id = $5::xid8`,
        [
          extension,
          files.map((file) => file.name),
          files.map((file) => checksumOf(file)),
          direction,
          transactionId,
        ],
      );
    },
    async clear(extension) {
      await pool.query('DELETE FROM mag.extension_migrations WHERE extension_id = $1', [extension]);
    },
  };
}

/** `sha256:<hex>` of what runs when a migration is applied. */
export function checksumOf(file: MigrationFile): string {
  return `sha256:${createHash('sha256').update(file.up).digest('hex')}`;
}

async function settleOpen(pool: Pool, extension: ExtensionId): Promise<void> {
  for (let attempt = 0; attempt < SETTLE_ATTEMPTS; attempt++) {
    const status = await openStatus(pool, extension);
    if (status === 'none') return;
    if (status === 'committed' || status === 'aborted') {
      await settleRows(pool, extension, status === 'committed');
    } else if (status === 'in progress') {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS));
    } else {
      break;
    }
  }
  throw new MagError('E_MIGRATION', 'A migration that was interrupted has not ended on the server yet.');
}

async function openStatus(pool: Pool, extension: ExtensionId): Promise<string | null> {
  const { rows } = await pool.query<{ status: string | null }>(
    `SELECT pg_xact_status(transaction_id) AS status FROM mag.extension_migrations
     WHERE extension_id = $1 AND state <> 'applied' LIMIT 1`,
    [extension],
  );
  return rows[0] === undefined ? 'none' : rows[0].status;
}

/** An up that committed and a down that did not are applied; the other two are not. */
async function settleRows(pool: Pool, extension: ExtensionId, committed: boolean): Promise<void> {
  const [kept, gone] = committed ? ['up', 'down'] : ['down', 'up'];
  await pool.query(
    `WITH gone AS (DELETE FROM mag.extension_migrations WHERE extension_id = $1 AND state = $3)
     UPDATE mag.extension_migrations SET state = 'applied', transaction_id = NULL,
       applied_at = CASE WHEN state = 'up' THEN now() ELSE applied_at END
     WHERE extension_id = $1 AND state = $2`,
    [extension, kept, gone],
  );
}
