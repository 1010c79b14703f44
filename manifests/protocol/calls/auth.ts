import type { AuditRecord } from '../../sdk/host-api.ts';
import { type CallRow, object } from './row.ts';

export interface AuthCalls {
  /** `principal` is an id as in `ctx.request.principal`. */
  'auth.assignRole': { params: { principal: string; role: string }; result: { assigned: boolean } };
  'auth.removeRole': { params: { principal: string; role: string }; result: { removed: boolean } };
  'auth.roleHolders': {
    params: { role: string; after?: string; limit?: number };
    result: { principals: { id: string; name: string }[] };
  };
  'auth.queryAudit': {
    params: { action?: string; target?: string; principal?: string; before?: number; limit?: number };
    /** Newest first. */
    result: { records: AuditRecord[] };
  };
}

const principal = { type: 'string', pattern: '^[a-z]+:[A-Za-z0-9_-]+$', maxLength: 64 } as const;
const role = { type: 'string', pattern: '^[a-z][a-z0-9:/_-]{0,79}$' } as const;

export const AUTH_ROWS = {
  'auth.assignRole': {
    adapter: { component: 'magauth', hook: 'assign_role' },
    needs: { anyOf: ['auth.modify_roles'] },
    deadlineMs: 5_000,
    errors: ['E_NOT_FOUND', 'E_ROLE', 'E_STORAGE'],
    params: object({ principal, role }, ['principal', 'role']),
  },
  'auth.removeRole': {
    adapter: { component: 'magauth', hook: 'remove_role' },
    needs: { anyOf: ['auth.modify_roles'] },
    deadlineMs: 5_000,
    errors: ['E_NOT_FOUND', 'E_ROLE', 'E_STORAGE'],
    params: object({ principal, role }, ['principal', 'role']),
  },
  'auth.roleHolders': {
    adapter: { component: 'magauth', hook: 'role_holders' },
    needs: { anyOf: ['auth.modify_roles'] },
    deadlineMs: 5_000,
    errors: ['E_STORAGE'],
    params: object(
      {
        role,
        after: { type: 'string', maxLength: 64 },
        limit: { type: 'integer', minimum: 1, maximum: 1_000 },
      },
      ['role'],
    ),
  },
  'auth.queryAudit': {
    adapter: { component: 'magauth', hook: 'query_audit' },
    needs: { capability: 'auth.audit_access' },
    deadlineMs: 5_000,
    errors: ['E_STORAGE'],
    params: object(
      {
        action: { type: 'string', maxLength: 200 },
        target: { type: 'string', maxLength: 200 },
        principal: { type: 'string', maxLength: 200 },
        before: { type: 'integer', minimum: 1 },
        limit: { type: 'integer', minimum: 1, maximum: 200 },
      },
      [],
    ),
  },
} as const satisfies { readonly [C in keyof AuthCalls]: CallRow };
