import { MagError } from '../../../kernel/errors.ts';
import type { Code } from '../../../manifests/catalog/index.ts';
import { principalIdOf } from '../magauth/ports.ts';
import type { Door, Visitor } from '../magws/ports.ts';
import { type AccessDeps, isWithin } from './access-control.ts';
import type { From } from './rate-limits.ts';
import { createAnonymousContext, createRequestContext, readContextHeaders } from './request-context.ts';

const UPGRADE = { method: 'GET', url: '/ws' } as const;
const TARGET = 'GET /ws';

/** Who connects to `/ws` is known as who sends a request is: by token, membership and the same headers. */
export function createWebsocketDoor(deps: Omit<AccessDeps, 'cookies'>): Door {
  const { authenticator, memberships, denials, limiter, anonymousTenantId } = deps;

  const headersOf = ({ headers }: Visitor, tenant?: string) => {
    if (tenant === undefined) return readContextHeaders({ headers });
    const said = headers['x-tenant-id'];
    if (said !== undefined && said !== tenant)
      throw new MagError('E_FORBIDDEN', 'The request names two tenants.');
    return readContextHeaders({ headers: { ...headers, 'x-tenant-id': tenant } });
  };

  async function refused(principal: string, tenant: string, code: Code, detail: string): Promise<MagError> {
    await denials.record({ principal, tenant, target: TARGET, code });
    return new MagError(code, detail);
  }

  return {
    async admit(visitor, token, tenant) {
      const asked = { socket: { remoteAddress: visitor.address }, routeOptions: {} } as From;
      const credential = () => authenticator.authenticate(`Bearer ${token}`, () => limiter.mayGuess(asked));
      const caller = await credential();
      if (caller === null) {
        await limiter.guessed(asked);
        throw await refused('anonymous', anonymousTenantId, 'E_AUTH_REQUIRED', 'A valid token is required.');
      }
      if (!isWithin(caller, UPGRADE)) {
        const detail = 'The token is narrowed to other requests.';
        throw await refused(principalIdOf(caller), caller.tenantId, 'E_FORBIDDEN', detail);
      }
      const headers = headersOf(visitor, tenant);
      const tenantId = headers.tenantId ?? caller.tenantId;
      const place = { ...headers, traceId: visitor.traceId };
      const membership = await memberships.membership(caller, tenantId, place);
      if (membership === null) {
        const detail = 'The token is no member of the tenant it names.';
        throw await refused(principalIdOf(caller), caller.tenantId, 'E_FORBIDDEN', detail);
      }
      return {
        context: createRequestContext({ id: visitor.traceId }, headers, caller, membership),
        expiresAt: caller.expiresAt,
        readOnly: caller.readOnly,
        async stillGood() {
          const again = await credential();
          const now = again === null ? null : await memberships.membership(again, tenantId, place);
          return now !== null && now.roles.join() === membership.roles.join();
        },
      };
    },
    anonymous: (visitor) =>
      createAnonymousContext({ id: visitor.traceId }, headersOf(visitor), anonymousTenantId),
  };
}
