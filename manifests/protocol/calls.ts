import type { CapabilityName } from '../catalog/capabilities.ts';
import type { Json } from '../json.ts';
import { MAX_PAYLOAD_BYTES } from './limits.ts';

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
  'http.fetch': {
    params: {
      url: string;
      method?: string;
      headers?: [name: string, value: string][];
      /** Base64. */
      body?: string;
      redirect?: 'follow' | 'error' | 'manual';
      timeoutMs?: number;
    };
    /** `url` is the one that answered, behind redirects; `body` is base64, decompressed. */
    result: {
      status: number;
      statusText: string;
      url: string;
      redirected: boolean;
      headers: [name: string, value: string][];
      body: string;
    };
  };
  'files.read': {
    params: { path: string; encoding?: FileEncoding };
    result: { content: string; sizeBytes: number };
  };
  'files.write': {
    params: { path: string; content: string; encoding?: FileEncoding };
    result: { sizeBytes: number };
  };
  'files.list': {
    /** `after` is the name the page before ended with. */
    params: { path?: string; after?: string; limit?: number };
    result: {
      entries: { name: string; kind: 'file' | 'folder'; sizeBytes: number; modifiedAt: string }[];
    };
  };
  'files.remove': { params: { path: string }; result: { removed: boolean } };
  /** A path below `temp/` that nobody has. */
  'files.temp': { params: { suffix?: string }; result: { path: string } };
}

/** How the bytes of a file are written as text. */
export type FileEncoding = 'utf8' | 'base64';

export type CallName = keyof HostCalls;

export interface CallRow {
  /** The component that does it, and the hook of its adapter. Absent: the kernel does it itself. */
  readonly adapter?: { readonly component: 'magds' | 'network' | 'files'; readonly hook: string };
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

const path = { type: 'string', minLength: 1, maxLength: 512 } as const;
const encoding = { enum: ['utf8', 'base64'] } as const;
const key = { type: 'string', minLength: 1, maxLength: 512 } as const;
const object = (properties: Record<string, unknown>, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const ROWS = {
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
  'http.fetch': {
    adapter: { component: 'network', hook: 'fetch' },
    needs: { anyOf: ['network.outbound'] },
    deadlineMs: 30_000,
    params: object(
      {
        url: { type: 'string', minLength: 1, maxLength: 8_192 },
        method: { type: 'string', minLength: 1, maxLength: 32 },
        headers: {
          type: 'array',
          maxItems: 100,
          items: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'string', maxLength: 16_384 } },
        },
        body: { type: 'string', maxLength: MAX_PAYLOAD_BYTES },
        redirect: { enum: ['follow', 'error', 'manual'] },
        timeoutMs: { type: 'integer', minimum: 1, maximum: 30_000 },
      },
      ['url'],
    ),
  },
  'files.read': {
    adapter: { component: 'files', hook: 'read' },
    needs: { anyOf: ['filesystem.read', 'filesystem.temp_only'] },
    deadlineMs: 5_000,
    params: object({ path, encoding }, ['path']),
  },
  'files.write': {
    adapter: { component: 'files', hook: 'write' },
    needs: { anyOf: ['filesystem.write', 'filesystem.temp_only'] },
    deadlineMs: 5_000,
    params: object({ path, content: { type: 'string', maxLength: MAX_PAYLOAD_BYTES }, encoding }, [
      'path',
      'content',
    ]),
  },
  'files.list': {
    adapter: { component: 'files', hook: 'list' },
    needs: { anyOf: ['filesystem.read', 'filesystem.temp_only'] },
    deadlineMs: 5_000,
    params: object(
      {
        path: { type: 'string', maxLength: 512 },
        after: { type: 'string', maxLength: 255 },
        limit: { type: 'integer', minimum: 1, maximum: 1_000 },
      },
      [],
    ),
  },
  'files.remove': {
    adapter: { component: 'files', hook: 'remove' },
    needs: { anyOf: ['filesystem.write', 'filesystem.temp_only'] },
    deadlineMs: 10_000,
    params: object({ path }, ['path']),
  },
  'files.temp': {
    adapter: { component: 'files', hook: 'temp' },
    needs: { anyOf: ['filesystem.write', 'filesystem.temp_only'] },
    deadlineMs: 2_000,
    params: object({ suffix: { type: 'string', maxLength: 64 } }, []),
  },
} as const satisfies { readonly [C in CallName]: CallRow };

export const CALLS: { readonly [C in CallName]: CallRow } = ROWS;

/** The rows the kernel answers itself: those that name no adapter. */
export type KernelCallName = {
  [C in CallName]: (typeof ROWS)[C] extends { readonly adapter: object } ? never : C;
}[CallName];

/** Whether a name from across the wall is a row of the table. */
export function isCall(name: string): name is CallName {
  return Object.hasOwn(CALLS, name);
}
