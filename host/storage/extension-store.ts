import type { ExtensionRecord, ExtensionStore, KeptVersion } from '../../kernel/ports.ts';
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

    kept(id) {
      return database.query<KeptVersion>(
        `SELECT extension AS id, version, digest, replaced_at AS "replacedAt" FROM mag.kept_versions
         WHERE $1::text IS NULL OR extension = $1 ORDER BY replaced_at DESC, version`,
        [id ?? null],
      );
    },

    async keep({ id, version, digest }) {
      await database.query(
        'INSERT INTO mag.kept_versions (extension, version, digest) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [id, version, digest],
      );
    },

    async forget(id, version) {
      await database.query('DELETE FROM mag.kept_versions WHERE extension = $1 AND version = $2', [
        id,
        version,
      ]);
    },
  };
}
