import { performance } from 'node:perf_hooks';
import type { StoreDriver } from '../../adapters/stores/index.ts';
import { STATE_QUOTA, type StateQuota, type Written } from '../../adapters/stores/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { StoreStream } from '../../manifests/sdk/host-api.ts';
import type { Database } from './database.ts';
import { refuseContent } from './database-errors.ts';

interface Entry {
  readonly key: string;
  readonly text: string;
  readonly version: number;
  readonly fits: boolean;
}

/** The store `postgres`, in the database of the host and apart from `ctx.state`. */
export function createBuiltInStore(database: Database, quota: StateQuota = STATE_QUOTA): StoreDriver {
  const limits = [quota.maxKeys, quota.maxBytes];
  return {
    async get({ extension, tenantId }, key) {
      const [row] = await database.query<Entry>(
        `SELECT key, value AS text, version FROM mag.store_entries
         WHERE extension = $1 AND tenant_id = $2 AND key = $3`,
        [extension, tenantId, key],
      );
      return row ?? null;
    },

    async put({ extension, tenantId }, key, { text, size }, { expected, version }) {
      const values = [extension, tenantId, key, text, size, expected, version, ...limits];
      const [row] = await database
        .query<Written>('SELECT * FROM mag.put_stored($1, $2, $3, $4, $5, $6, $7, $8, $9)', values)
        .catch(refuseContent);
      return row as Written;
    },

    async delete({ extension, tenantId }, key) {
      const [row] = await database.query<{ deleted: boolean }>(
        'SELECT mag.delete_stored($1, $2, $3) AS deleted',
        [extension, tenantId, key],
      );
      return row?.deleted === true;
    },

    async list({ extension, tenantId }, { prefix, after, limit, maxBytes }) {
      const rows = await database.query<Entry>(
        `WITH page AS (
           SELECT key, value, version, size FROM mag.store_entries
           WHERE extension = $1 AND tenant_id = $2 AND key > $4 AND key >= $3 AND starts_with(key, $3)
           ORDER BY key LIMIT $5
         ), measured AS (SELECT *, sum(size) OVER (ORDER BY key) <= $6 AS fits FROM page)
         SELECT key, CASE WHEN fits THEN value END AS text, version, fits FROM measured ORDER BY key`,
        [extension, tenantId, prefix, after, limit, maxBytes],
      );
      return rows.every(({ fits }) => fits) ? rows : null;
    },

    async append({ extension, tenantId }, stream, { text, size }, { id, keep }) {
      const values = [extension, tenantId, stream, text, size, id, keep, ...limits];
      type Row = { outcome: 'written' | 'behind' | 'quota'; last: number };
      const [row] = await database
        .query<Row>('SELECT * FROM mag.append_stored($1, $2, $3, $4, $5, $6, $7, $8, $9)', values)
        .catch(refuseContent);
      const { outcome, last } = row as Row;
      return { outcome, id: last };
    },

    read: ({ extension, tenantId }, stream, { after, limit, maxBytes }) =>
      database.query<{ id: number; text: string }>(
        `WITH page AS (
           SELECT id, value, size FROM mag.store_stream_entries
           WHERE extension = $1 AND tenant_id = $2 AND stream = $3 AND id > $4 ORDER BY id LIMIT $5
         ), measured AS (
           SELECT *, sum(size) OVER (ORDER BY id) AS total, row_number() OVER (ORDER BY id) AS place FROM page
         )
         SELECT id, value AS text FROM measured WHERE total <= $6 OR place = 1 ORDER BY id`,
        [extension, tenantId, stream, after, limit, maxBytes],
      ),

    streams: ({ extension, tenantId }, { prefix, after, limit }) =>
      database.query<StoreStream>(
        `SELECT stream, last, length, (
           SELECT min(id) FROM mag.store_stream_entries e
           WHERE e.extension = s.extension AND e.tenant_id = s.tenant_id AND e.stream = s.stream) AS first
         FROM mag.store_streams s
         WHERE extension = $1 AND tenant_id = $2 AND stream > $4 AND stream >= $3 AND starts_with(stream, $3)
         ORDER BY stream LIMIT $5`,
        [extension, tenantId, prefix, after, limit],
      ),

    async removeStream({ extension, tenantId }, stream) {
      const [row] = await database.query<{ removed: boolean }>(
        'SELECT mag.remove_stored_stream($1, $2, $3) AS removed',
        [extension, tenantId, stream],
      );
      return row?.removed === true;
    },

    clear: (extension) => clear(database, extension),

    async holders() {
      const rows = await database.query<{ extension: ExtensionId }>(
        'SELECT DISTINCT extension FROM mag.store_usage WHERE keys > 0 ORDER BY extension',
      );
      return rows.map(({ extension }) => extension);
    },

    async check() {
      const began = performance.now();
      await database.query('SELECT 1 FROM mag.store_usage LIMIT 1');
      const latencyMs = Math.round((performance.now() - began) * 10) / 10;
      return { latencyMs, server: 'the database of the host', warnings: [] };
    },

    close: async () => undefined,
  };
}

async function clear(database: Database, extension: ExtensionId): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('SELECT FROM mag.store_usage WHERE extension = $1 FOR UPDATE', [extension]);
    for (const table of ['store_entries', 'store_stream_entries', 'store_streams', 'store_usage'])
      await transaction.query(`DELETE FROM mag.${table} WHERE extension = $1`, [extension]);
  });
}
