import type { RouteOptions } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { Role } from '../components/magauth/roles.ts';
import type { Access } from '../components/maggate/access-control.ts';

const open: Access = { kind: 'public' };
const roles = (...names: readonly Role[]): Access => ({ kind: 'roles', roles: names });

const owner = roles('owner');
/** Changes what runs. */
const operator = roles('owner', 'operator');
/** Reads what may hold tenants' or operators' matters. */
const oversight = roles('owner', 'operator', 'auditor');
/** Reads who holds which rights. */
const accounts = roles('owner', 'auditor');
/** Reads what this host offers and how extensions do. */
const everyone = roles('owner', 'operator', 'auditor', 'author');
/** Brings packages. */
const author = roles('owner', 'operator', 'author');

const extension = '/v1/extensions/:publisher/:name';

/**
 * The one table of who may call which route. A route that is not in it is not served: the host refuses to
 * start with it. `/docs` and below are public too: they show what `/openapi.json` says.
 */
const ACCESS: Readonly<Record<string, Access>> = {
  'GET /healthz': open,
  'GET /readyz': open,
  'GET /metrics': { kind: 'loopback', roles: ['owner', 'operator', 'auditor'] },
  'GET /openapi.json': open,

  'GET /v1/host': oversight,
  'GET /v1/startup': everyone,
  'GET /v1/capabilities': everyone,
  'GET /v1/hooks': everyone,
  'GET /v1/event-types': everyone,

  'POST /v1/extensions': author,
  'GET /v1/extensions': everyone,
  [`GET ${extension}`]: everyone,
  [`POST ${extension}/install`]: operator,
  [`POST ${extension}/enable`]: operator,
  [`POST ${extension}/disable`]: operator,
  [`POST ${extension}/uninstall`]: operator,
  [`POST ${extension}/upgrade`]: operator,
  [`GET ${extension}/upgrade-plan`]: everyone,
  [`POST ${extension}/rollback`]: operator,
  [`PUT ${extension}/grants/:capability`]: operator,
  [`DELETE ${extension}/grants/:capability`]: operator,
  [`GET ${extension}/config`]: oversight,
  [`PUT ${extension}/config`]: operator,
  [`GET ${extension}/health`]: everyone,
  [`GET ${extension}/logs`]: everyone,
  [`GET ${extension}/usage`]: everyone,

  'GET /v1/operations/:id': everyone,
  'GET /v1/operations/:id/events': everyone,
  'GET /v1/events': oversight,
  'POST /v1/events': operator,
  'GET /v1/audit': oversight,
  'GET /v1/audit/verify': oversight,
  'GET /v1/tokens': accounts,
  'POST /v1/tokens': owner,
  'DELETE /v1/tokens/:id': owner,
  'GET /v1/trust': oversight,
  'POST /v1/trust': owner,
  'DELETE /v1/trust/:publisher': owner,
  'DELETE /v1/trust/:publisher/keys/:key': owner,
};

/** Who may call a route, by method and pattern; `undefined` for one that nobody decided about. */
export function accessTo(method: string, url: string): Access | undefined {
  if (url === '/x/*') return { kind: 'endpoint' };
  if (url === '/docs' || url.startsWith('/docs/')) return open;
  const key = `${method === 'HEAD' ? 'GET' : method} ${url}`;
  return Object.hasOwn(ACCESS, key) ? ACCESS[key] : undefined;
}

/** Writes into a route who may call it, for the hook that asks. @throws `E_CONFIG` when nobody decided */
export function guardRoute(route: RouteOptions): void {
  for (const method of [route.method].flat()) {
    const access = accessTo(method, route.url);
    if (access === undefined) throw new MagError('E_CONFIG', `No access rule for ${method} ${route.url}.`);
    route.config = { ...route.config, access };
  }
}

/** Every row, for reference pages and for the test that walks them. */
export function accessTable(): readonly (readonly [route: string, access: Access])[] {
  return Object.entries(ACCESS);
}
