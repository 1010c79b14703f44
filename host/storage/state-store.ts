import {
  checkedBound,
  checkedKey,
  checkedPage,
  checkedWrite,
  encodeState,
  MAX_STATE_PAGE,
  STATE_QUOTA,
  type StateQuota,
  type Written,
} from '../../adapters/stores/index.ts';
import type { StateEntry, StateSpace, StateStore } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import { MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import type { Database } from './database.ts';
import { refuseContent } from './database-errors.ts';

/** Durable key-value space of extensions. @throws `E_PARAMS` for a key it cannot hold */
export function createStateStore(database: Database, quota: StateQuota = STATE_QUOTA): StateStore {
  async function put(space: StateSpace, key: string, value: Json, expected: number | null): Promise<Written> {
    const { text, size } = encodeState(checkedKey(key), value);
    const rows = await database
      .query<Written>('SELECT outcome, current FROM mag.put_state($1, $2, $3, $4, $5, $6, $7, $8)', [
        space.extension,
        space.tenantId,
        key,
        text,
        size,
        expected,
        quota.maxKeys,
        quota.maxBytes,
      ])
      .catch(refuseContent);
    return checkedWrite(rows[0]);
  }

  return {
    async get(space, key) {
      const rows = await database.query<StateEntry>(
        `SELECT key, value, version FROM mag.state WHERE extension = $1 AND tenant_id = $2 AND key = $3`,
        [space.extension, space.tenantId, checkedKey(key)],
      );
      return rows[0] ?? null;
    },

    async set(space, key, value) {
      return { version: (await put(space, key, value, null)).current };
    },

    async compareAndSet(space, key, value, version) {
      const written = await put(space, key, value, version);
      return { swapped: written.outcome === 'written', version: written.current };
    },

    async delete(space, key) {
      const rows = await database.query<{ deleted: boolean }>(
        'SELECT mag.delete_state($1, $2, $3) AS deleted',
        [space.extension, space.tenantId, checkedKey(key)],
      );
      return rows[0]?.deleted === true;
    },

    list: (space, options) => list(database, space, options),

    async clear(extension) {
      await database.transaction(async (transaction) => {
        await transaction.query('SELECT FROM mag.state_usage WHERE extension = $1 FOR UPDATE', [extension]);
        await transaction.query('DELETE FROM mag.state WHERE extension = $1', [extension]);
        await transaction.query('DELETE FROM mag.state_usage WHERE extension = $1', [extension]);
      });
    },
  };
}

/** @throws `E_LIMIT_OUTPUT` when the entries are larger than one answer may be; they are not even loaded then */
async function list(
  database: Database,
  space: StateSpace,
  options: { prefix: string; after: string; limit: number },
): Promise<StateEntry[]> {
  const rows = await database.query<StateEntry & { fits: boolean }>(
    `WITH page AS (
       SELECT key, value, version, size FROM mag.state
       WHERE extension = $1 AND tenant_id = $2 AND key > $4 AND key >= $3 AND starts_with(key, $3)
       ORDER BY key LIMIT $5
     ), measured AS (
       SELECT *, sum(size) OVER (ORDER BY key) <= $6 AS fits FROM page
     )
     SELECT key, CASE WHEN fits THEN value END AS value, version, fits FROM measured ORDER BY key`,
    [
      space.extension,
      space.tenantId,
      checkedBound(options.prefix),
      checkedBound(options.after),
      Math.min(Math.max(options.limit, 1), MAX_STATE_PAGE),
      MAX_PAYLOAD_BYTES,
    ],
  );
  return checkedPage(rows).map(({ key, value, version }) => ({ key, value, version }));
}
