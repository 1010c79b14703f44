import type { SecretBackend, SecretChange, SecretCheck, SecretKey, SecretPage } from '../../sdk/secrets.ts';
import { type CallRow, object } from './row.ts';

export interface SecretsCalls {
  'secrets.get': { params: { name: string }; result: { value: string } };
  'secrets.list': {
    /** `after` is what the page before had as `next`. */
    params: { name?: string; after?: string; limit?: number };
    result: SecretPage;
  };
  'secrets.backends': { params: Record<string, never>; result: { backends: SecretBackend[] } };
  'secrets.history': {
    params: SecretKey & { limit?: number };
    /** Newest first. */
    result: { changes: SecretChange[] };
  };
  'secrets.map': {
    /** `version`: only if it has this one; 0: only if it is not mapped yet. */
    params: SecretKey & { backend: string; ref: string; rotateAfterDays?: number; version?: number };
    /** `swapped: false` with the version there is: it has another one. */
    result: { swapped: boolean; version: number };
  };
  'secrets.unmap': {
    params: SecretKey & { version?: number };
    /** `swapped: false` with version 0: it was not mapped. */
    result: { swapped: boolean; version: number };
  };
  'secrets.rotate': { params: SecretKey; result: { version: number; rotatedAt: string } };
  'secrets.check': {
    params: SecretKey;
    result: SecretCheck;
  };
}

const name = { type: 'string', pattern: '^[A-Z][A-Z0-9_]*$', maxLength: 80 } as const;
const secretKey = {
  name,
  extension: {
    type: 'string',
    pattern: '^[a-z0-9][a-z0-9-]{1,38}/[a-z0-9][a-z0-9-]{1,62}$',
  },
  tenant: { type: 'string', pattern: '^t_[a-z0-9_-]+$', maxLength: 80 },
} as const;
const version = { type: 'integer', minimum: 0 } as const;
const MAPPINGS = {
  needs: { capability: 'system.secret_mappings' },
  deadlineMs: 10_000,
} as const;

export const SECRETS_ROWS = {
  'secrets.get': {
    adapter: { component: 'secrets', hook: 'get' },
    needs: { anyOf: ['system.secrets'] },
    deadlineMs: 5_000,
    errors: ['E_SECRET_MISSING', 'E_STORAGE'],
    params: object({ name }, ['name']),
  },
  'secrets.list': {
    adapter: { component: 'secrets', hook: 'list' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_STORAGE'],
    params: object(
      {
        name,
        after: { type: 'string', maxLength: 300 },
        limit: { type: 'integer', minimum: 1, maximum: 500 },
      },
      [],
    ),
  },
  'secrets.backends': {
    adapter: { component: 'secrets', hook: 'backends' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_STORAGE'],
    params: object({}, []),
  },
  'secrets.history': {
    adapter: { component: 'secrets', hook: 'history' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_STORAGE'],
    params: object({ ...secretKey, limit: { type: 'integer', minimum: 1, maximum: 500 } }, ['name']),
  },
  'secrets.map': {
    adapter: { component: 'secrets', hook: 'map' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_NOT_FOUND', 'E_STORAGE'],
    params: object(
      {
        ...secretKey,
        backend: { type: 'string', pattern: '^(folder|environment|vault:[a-z][a-z0-9-]*)$', maxLength: 46 },
        ref: { type: 'string', minLength: 1, maxLength: 400 },
        rotateAfterDays: { type: 'integer', minimum: 1, maximum: 3_650 },
        version,
      },
      ['name', 'backend', 'ref'],
    ),
  },
  'secrets.unmap': {
    adapter: { component: 'secrets', hook: 'unmap' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_STORAGE'],
    params: object({ ...secretKey, version }, ['name']),
  },
  'secrets.rotate': {
    adapter: { component: 'secrets', hook: 'rotate' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_NOT_FOUND', 'E_STORAGE'],
    params: object(secretKey, ['name']),
  },
  'secrets.check': {
    adapter: { component: 'secrets', hook: 'check' },
    ...MAPPINGS,
    errors: ['E_FORBIDDEN', 'E_NOT_FOUND', 'E_STORAGE'],
    params: object(secretKey, ['name']),
  },
} as const satisfies { readonly [C in keyof SecretsCalls]: CallRow };
