import type { Json } from '../../json.ts';
import { type CallRow, key, object, TRANSACTION_ERRORS } from './row.ts';

export interface StateCalls {
  'state.get': { params: { key: string }; result: { value: Json; version: number } | null };
  'state.set': { params: { key: string; value: Json }; result: { version: number } };
  'state.delete': { params: { key: string }; result: { deleted: boolean } };
  'state.list': {
    params: { prefix?: string; after?: string; limit?: number };
    result: { entries: { key: string; value: Json; version: number }[] };
  };
  'state.compareAndSet': {
    /** `version: 0` means: only if the key does not exist yet. */
    params: { key: string; value: Json; version: number };
    result: { swapped: boolean; version: number };
  };
}

export const STATE_ROWS = {
  'state.get': {
    needs: 'none',
    deadlineMs: 2_000,
    errors: [...TRANSACTION_ERRORS],
    params: object({ key }, ['key']),
  },
  'state.set': {
    needs: 'none',
    deadlineMs: 2_000,
    errors: ['E_STATE_QUOTA', ...TRANSACTION_ERRORS],
    params: object({ key, value: {} }, ['key', 'value']),
  },
  'state.delete': {
    needs: 'none',
    deadlineMs: 2_000,
    errors: [...TRANSACTION_ERRORS],
    params: object({ key }, ['key']),
  },
  'state.list': {
    needs: 'none',
    deadlineMs: 2_000,
    errors: [...TRANSACTION_ERRORS],
    params: object(
      {
        prefix: { type: 'string', maxLength: 512 },
        after: { type: 'string', maxLength: 512 },
        limit: { type: 'integer', minimum: 1, maximum: 1_000 },
      },
      [],
    ),
  },
  'state.compareAndSet': {
    needs: 'none',
    deadlineMs: 2_000,
    errors: ['E_STATE_QUOTA', ...TRANSACTION_ERRORS],
    params: object({ key, value: {}, version: { type: 'integer', minimum: 0 } }, ['key', 'value', 'version']),
  },
} as const satisfies { readonly [C in keyof StateCalls]: CallRow };
