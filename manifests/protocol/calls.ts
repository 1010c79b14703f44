import type { CapabilityName } from '../catalog/capabilities.ts';
import type { Json } from '../json.ts';

/**
 * The one table of everything an extension can ask the host for. Nothing else crosses the wall, and a row
 * does not compile until a handler exists on the host side. The sandbox side is built from the same rows.
 */
export interface HostCalls {
  'db.query': {
    params: { sql: string; params?: Json[] };
    result: { rows: Record<string, Json>[]; rowCount: number };
  };
  'events.publish': {
    params: { type: string; data: Json; eventId?: string };
    result: { eventId: string; sequence: number };
  };
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

export type CallName = keyof HostCalls;

export interface CallRow {
  /** The component that does it, and the hook of its adapter. Absent: the kernel does it itself. */
  readonly adapter?: { readonly component: 'magds'; readonly hook: string };
  /**
   * What the caller must hold: one capability, `any` of a family when only the content of the call decides
   * (the adapter then names what it needs, and the gate decides again), or `none` for what every extension
   * has of its own.
   */
  readonly needs:
    | { readonly capability: CapabilityName }
    | { readonly anyOf: readonly CapabilityName[] }
    | 'none';
  /** Milliseconds after which the host gives up. */
  readonly deadlineMs: number;
  /** JSON Schema of the parameters. */
  readonly params: Readonly<Record<string, unknown>>;
}

const key = { type: 'string', minLength: 1, maxLength: 512 } as const;
const object = (properties: Record<string, unknown>, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

export const CALLS: { readonly [C in CallName]: CallRow } = {
  'db.query': {
    adapter: { component: 'magds', hook: 'execute_query' },
    needs: { anyOf: ['database.read', 'database.write', 'database.schema'] },
    deadlineMs: 5_000,
    params: object(
      {
        sql: { type: 'string', minLength: 1, maxLength: 65_536 },
        params: { type: 'array', maxItems: 1_000 },
      },
      ['sql'],
    ),
  },
  'events.publish': {
    needs: { capability: 'api.emit_events' },
    deadlineMs: 5_000,
    params: object(
      { type: { type: 'string', maxLength: 160 }, data: {}, eventId: { type: 'string', format: 'uuid' } },
      ['type', 'data'],
    ),
  },
  'state.get': { needs: 'none', deadlineMs: 2_000, params: object({ key }, ['key']) },
  'state.set': { needs: 'none', deadlineMs: 2_000, params: object({ key, value: {} }, ['key', 'value']) },
  'state.delete': { needs: 'none', deadlineMs: 2_000, params: object({ key }, ['key']) },
  'state.list': {
    needs: 'none',
    deadlineMs: 2_000,
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
    params: object({ key, value: {}, version: { type: 'integer', minimum: 0 } }, ['key', 'value', 'version']),
  },
};

/** Whether a name from across the wall is a row of the table. */
export function isCall(name: string): name is CallName {
  return Object.hasOwn(CALLS, name);
}
