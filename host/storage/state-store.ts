import { MagError } from '../../kernel/errors.ts';
import type { StateEntry, StateSpace, StateStore } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import { MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import type { Database } from './database.ts';
import { isContentError } from './database-errors.ts';
import { isStorable } from './storable-text.ts';

const MAX_KEY_CHARS = 512;
const MAX_VALUE_BYTES = 256 * 1_024;
const MAX_ROWS = 1_000;

/** What one extension may hold, over all tenants. */
export interface StateQuota {
  readonly maxKeys: number;
  /** Keys and values together, as UTF-8. */
  readonly maxBytes: number;
}

const QUOTA: StateQuota = { maxKeys: 100_000, maxBytes: 64 * 1_024 * 1_024 };

interface Written {
  readonly outcome: 'written' | 'stale' | 'quota';
  readonly current: number;
}

/** Durable key-value space of extensions. @throws `E_PARAMS` for a key it cannot hold */
export function createStateStore(database: Database, quota: StateQuota = QUOTA): StateStore {
  async function put(space: StateSpace, key: string, value: Json, expected: number | null): Promise<Written> {
    const { text, size } = encode(checkedKey(key), value);
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
    const written = rows[0];
    if (written === undefined || written.outcome === 'quota') throw overQuota('holds as much as it may');
    return written;
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
      Math.min(Math.max(options.limit, 1), MAX_ROWS),
      MAX_PAYLOAD_BYTES,
    ],
  );
  if (rows.some((row) => !row.fits)) {
    throw new MagError('E_LIMIT_OUTPUT', 'The entries are larger than one answer may be: ask for fewer.');
  }
  return rows.map(({ key, value, version }) => ({ key, value, version }));
}

function checkedKey(key: string): string {
  if (key.length > 0) return checkedBound(key);
  throw new MagError('E_PARAMS', 'A key must not be empty.');
}

function checkedBound(key: string): string {
  if (key.length <= MAX_KEY_CHARS && isStorable(key)) return key;
  throw new MagError(
    'E_PARAMS',
    `A key has at most ${MAX_KEY_CHARS} characters, no NUL and no broken surrogate.`,
  );
}

function encode(key: string, value: Json): { text: string; size: number } {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new MagError('E_PARAMS', 'The value is not JSON.');
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) throw overQuota('has a value of more than 256 KiB');
  return { text, size: Buffer.byteLength(key) + bytes };
}

function refuseContent(error: unknown): never {
  if (!isContentError(error)) throw error;
  throw new MagError('E_PARAMS', 'The database cannot hold this value.', { cause: error });
}

function overQuota(reason: string): MagError {
  return new MagError('E_STATE_QUOTA', `The durable state of the extension ${reason}.`);
}
