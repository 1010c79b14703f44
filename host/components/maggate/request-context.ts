import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { TokenRecord } from '../magauth/ports.ts';

const TENANT = /^t_[a-z0-9_-]+$/;
const MAX_TENANT_CHARS = 80;
const ENV = /^[a-z0-9_-]{1,40}$/;
const DEFAULT_ENV = 'prod';

/**
 * The context a request acts in (spec 04): the tenant of its token, never another one.
 * @throws `E_BAD_REQUEST` for malformed headers, `E_FORBIDDEN` for the tenant of somebody else
 */
export function createRequestContext(
  request: FastifyRequest,
  caller: TokenRecord | null,
  anonymousTenantId: string,
): RequestContext {
  const tenantId = caller === null ? anonymousTenantId : caller.tenantId;
  checkTenant(request.headers['x-tenant-id'], tenantId);
  return {
    tenantId,
    env: envOf(request.headers['x-env']),
    principal: caller === null ? null : { id: `token:${caller.id}`, name: caller.name, role: caller.role },
    traceId: request.id,
  };
}

/** The header may repeat the tenant of the token, to be told when it is another one. */
function checkTenant(header: string | string[] | undefined, tenantId: string): void {
  if (header === undefined) return;
  if (typeof header !== 'string' || header.length > MAX_TENANT_CHARS || !TENANT.test(header)) {
    throw new MagError('E_BAD_REQUEST', 'X-Tenant-Id does not match ^t_[a-z0-9_-]+$.');
  }
  if (header !== tenantId) {
    throw new MagError('E_FORBIDDEN', 'X-Tenant-Id names another tenant than the one of the token.');
  }
}

function envOf(header: string | string[] | undefined): string {
  if (header === undefined) return DEFAULT_ENV;
  if (typeof header === 'string' && ENV.test(header)) return header;
  throw new MagError('E_BAD_REQUEST', 'X-Env does not match ^[a-z0-9_-]{1,40}$.');
}
