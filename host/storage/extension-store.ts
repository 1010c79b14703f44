import type { ExtensionRecord, ExtensionStore } from '../../kernel/ports.ts';
import type { Database } from './database.ts';

const COLUMNS = `id, state, version, digest, highest_version AS "highestVersion", config, reason,
  updated_at AS "updatedAt"`;

export function createExtensionStore(database: Database): ExtensionStore {
  return {
    async get(id) {
      const rows = await database.query<ExtensionRecord>(
        `SELECT ${COLUMNS} FROM mag.extensions WHERE id = $1`,
        [id],
      );
      return rows[0] ?? null;
    },

    list() {
      return database.query<ExtensionRecord>(`SELECT ${COLUMNS} FROM mag.extensions ORDER BY id`);
    },

    async put(record) {
      await database.query(
        `INSERT INTO mag.extensions (id, state, version, digest, highest_version, config, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version,
           digest = excluded.digest, highest_version = excluded.highest_version, config = excluded.config,
           reason = excluded.reason, updated_at = now()`,
        [
          record.id,
          record.state,
          record.version,
          record.digest,
          record.highestVersion,
          JSON.stringify(record.config),
          record.reason === null ? null : JSON.stringify(record.reason),
        ],
      );
    },
  };
}
