import type { Code } from '../../catalog/codes.ts';
import type { Json } from '../../json.ts';
import type { StoreStream } from '../../sdk/host-api.ts';
import { type CallRow, key, object } from './row.ts';

export interface StoresCalls {
  'stores.get': { params: { store: string; key: string }; result: { value: Json; version: number } | null };
  'stores.set': {
    /** `version`: the one it has from then on, whatever it had. */
    params: { store: string; key: string; value: Json; version?: number };
    result: { version: number };
  };
  'stores.delete': { params: { store: string; key: string }; result: { deleted: boolean } };
  'stores.list': {
    params: { store: string; prefix?: string; after?: string; limit?: number };
    result: { entries: { key: string; value: Json; version: number }[] };
  };
  'stores.compareAndSet': {
    params: { store: string; key: string; value: Json; version: number };
    result: { swapped: boolean; version: number };
  };
  'stores.append': {
    /** `id`: the one the entry gets, greater than that of the last; `keep`: entries the stream has afterwards, at most. */
    params: { store: string; stream: string; value: Json; id?: number; keep?: number };
    result: { id: number };
  };
  'stores.read': {
    params: { store: string; stream: string; after?: number; limit?: number };
    /** Fewer than `limit` when more would be too large for one answer; none: that was the last. */
    result: { entries: { id: number; value: Json }[] };
  };
  'stores.streams': {
    params: { store: string; prefix?: string; after?: string; limit?: number };
    result: { streams: StoreStream[] };
  };
  'stores.removeStream': { params: { store: string; stream: string }; result: { removed: boolean } };
}

/** Beyond it, numbers are no longer exact. */
const MAX_SAFE = Number.MAX_SAFE_INTEGER - 1;
const store = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,31}$' } as const;
const page = {
  prefix: { type: 'string', maxLength: 512 },
  after: { type: 'string', maxLength: 512 },
  limit: { type: 'integer', minimum: 1, maximum: 1_000 },
} as const;

/** Of one call on a named store. A store is elsewhere: it gets longer than the state in the database of the host. */
const storeRow = (
  hook: string,
  properties: Record<string, unknown>,
  required: readonly string[],
  errors: readonly Code[] = [],
) =>
  ({
    adapter: { component: 'stores', hook },
    needs: { anyOf: ['system.stores'] },
    deadlineMs: 5_000,
    errors: [...errors, 'E_STORE_UNKNOWN', 'E_STORE_UNAVAILABLE', 'E_STORAGE'],
    params: object({ store, ...properties }, ['store', ...required]),
  }) as const;

export const STORES_ROWS = {
  'stores.get': storeRow('get', { key }, ['key']),
  'stores.set': storeRow(
    'set',
    { key, value: {}, version: { type: 'integer', minimum: 1, maximum: MAX_SAFE } },
    ['key', 'value'],
    ['E_STATE_QUOTA'],
  ),
  'stores.delete': storeRow('delete', { key }, ['key']),
  'stores.list': storeRow('list', page, []),
  'stores.compareAndSet': storeRow(
    'compareAndSet',
    { key, value: {}, version: { type: 'integer', minimum: 0 } },
    ['key', 'value', 'version'],
    ['E_STATE_QUOTA'],
  ),
  'stores.append': storeRow(
    'append',
    {
      stream: key,
      value: {},
      id: { type: 'integer', minimum: 1, maximum: MAX_SAFE },
      keep: { type: 'integer', minimum: 1, maximum: 10_000 },
    },
    ['stream', 'value'],
    ['E_STATE_QUOTA', 'E_EXISTS'],
  ),
  'stores.read': storeRow(
    'read',
    { stream: key, after: { type: 'integer', minimum: 0, maximum: MAX_SAFE }, limit: page.limit },
    ['stream'],
  ),
  'stores.streams': storeRow('streams', page, []),
  'stores.removeStream': storeRow('removeStream', { stream: key }, ['stream']),
} as const satisfies { readonly [C in keyof StoresCalls]: CallRow };
