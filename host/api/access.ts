import type { RouteOptions } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { Role } from '../components/magauth/roles.ts';
import type { Access } from '../components/maggate/access-control.ts';

const open: Access = { kind: 'public' };
const roles = (...names: readonly Role[]): Access => ({ kind: 'roles', roles: names });

/** Decided by what an extension says. */
const member: Access = { kind: 'member' };
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
const project = '/v1/projects/:project';
const login = '/auth/login/:publisher/:name/:provider';

/**
 * The one table of who may call which route. A route that is not in it is not served: the host refuses to
 * start with it. `/docs` and below are public too: they show what `/openapi.json` says; and `/ui/`, where a browser
 * finds the pages of frames and has no token to show.
 */
const ACCESS: Readonly<Record<string, Access>> = {
  'GET /healthz': open,
  'GET /readyz': open,
  'GET /metrics': { kind: 'loopback', roles: ['owner', 'operator', 'auditor'] },
  'GET /openapi.json': open,
  // A connection says who it is in ways of its own: websocket-door.ts.
  'GET /ws': open,

  'GET /v1/host': oversight,
  'GET /v1/hosts': oversight,
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
  [`GET ${extension}/jobs`]: everyone,
  [`POST ${extension}/jobs/:job/cancel`]: operator,
  [`POST ${extension}/jobs/:job/retry`]: operator,
  [`GET ${extension}/logs`]: everyone,
  [`GET ${extension}/usage`]: everyone,
  [`GET ${extension}/keys`]: everyone,
  [`POST ${extension}/keys`]: operator,
  [`POST ${extension}/keys/:key/rotate`]: operator,

  'GET /v1/operations/:id': everyone,
  'GET /v1/operations/:id/events': everyone,
  'POST /v1/operations/:id/cancel': operator,
  'POST /v1/operations/:id/retry': operator,
  'GET /v1/events': oversight,
  'POST /v1/events': operator,
  'GET /v1/subscriptions': oversight,
  'POST /v1/subscriptions/:id/replay': operator,
  'GET /v1/dead-letters': oversight,
  'POST /v1/dead-letters/:id/redrive': operator,
  'DELETE /v1/dead-letters/:id': operator,
  'GET /v1/audit': oversight,
  'GET /v1/audit/verify': oversight,
  'GET /v1/projects': oversight,
  'POST /v1/projects': operator,
  [`GET ${project}`]: oversight,
  [`DELETE ${project}`]: operator,
  [`GET ${project}/health`]: oversight,
  [`GET ${project}/databases`]: oversight,
  [`POST ${project}/databases`]: operator,
  [`GET ${project}/databases/:database`]: oversight,
  [`DELETE ${project}/databases/:database`]: operator,
  [`GET ${project}/migrations`]: oversight,
  [`POST ${project}/migrations`]: operator,
  [`GET ${project}/policies`]: oversight,
  [`POST ${project}/policies`]: operator,
  [`GET ${project}/backups`]: oversight,
  [`POST ${project}/backups`]: operator,
  [`GET ${project}/backups/:id`]: oversight,
  [`DELETE ${project}/backups/:id`]: operator,
  [`POST ${project}/backups/:id/restore`]: operator,
  [`GET ${project}/restore-points`]: oversight,
  [`POST ${project}/restore-points`]: operator,
  'GET /v1/tokens': accounts,
  'POST /v1/tokens': owner,
  'DELETE /v1/tokens/:id': owner,
  'GET /v1/users': accounts,
  'POST /v1/users': owner,
  'GET /v1/users/:id': accounts,
  'DELETE /v1/users/:id': owner,
  'POST /v1/users/:id/disable': owner,
  'POST /v1/users/:id/enable': owner,
  'PUT /v1/users/:id/roles/:tenant/:role': owner,
  'DELETE /v1/users/:id/roles/:tenant/:role': owner,
  'GET /v1/roles': accounts,
  'PUT /v1/roles/:role': owner,
  'DELETE /v1/roles/:role': owner,
  'GET /v1/sessions': accounts,
  'DELETE /v1/sessions/:id': owner,
  'GET /auth/providers': open,
  [`GET ${login}`]: open,
  [`POST ${login}`]: open,
  'GET /auth/callback/:publisher/:name/:provider': open,
  'GET /auth/saml/:publisher/:name/:provider/metadata': open,
  'POST /auth/saml/:publisher/:name/:provider/acs': open,
  'GET /auth/finish': open,
  'GET /auth/session': member,
  'POST /auth/logout': member,
  'GET /v1/trust': oversight,
  'POST /v1/trust': owner,
  'DELETE /v1/trust/:publisher': owner,
  'DELETE /v1/trust/:publisher/keys/:key': owner,
  'DELETE /v1/trust/:publisher/identities/:san': owner,
  'GET /v1/revocations': oversight,
  'GET /v1/revocations/:issuer': oversight,
  // A list counts by its signature, and only ever stops something.
  'POST /v1/revocations': operator,
  'POST /v1/revocation-issuers': owner,
  'DELETE /v1/revocation-issuers/:issuer': owner,
  'DELETE /v1/revocation-issuers/:issuer/signers/:signer': owner,
  'PUT /v1/trust/:publisher/requirements': owner,
  'POST /v1/reviewers': owner,
  'DELETE /v1/reviewers/:reviewer': owner,
  'DELETE /v1/reviewers/:reviewer/keys/:key': owner,
  'DELETE /v1/reviewers/:reviewer/identities/:san': owner,
  'GET /v1/registries': oversight,
  'POST /v1/registries': owner,
  'DELETE /v1/registries/:name': owner,
  'GET /v1/packages': everyone,
  'POST /v1/resolutions': operator,
  'GET /v1/secrets': oversight,
  'GET /v1/stores': oversight,
  'POST /v1/stores': operator,
  'GET /v1/stores/:name/check': oversight,
  'DELETE /v1/stores/:name': operator,
  // Where they lead, tokens of the host are sent.
  'GET /v1/secret-backends': oversight,
  'POST /v1/secret-backends': owner,
  'DELETE /v1/secret-backends/:name': owner,
  'GET /v1/ui': member,
  'POST /v1/ui/:publisher/:name/:frame/call': member,
  'GET /v1/commands': member,
  'POST /v1/commands/:publisher/:name/:command': member,
  'POST /v1/formats/:publisher/:name/:format': member,
};

/** Who may call a route, by method and pattern; `undefined` for one that nobody decided about. */
export function accessTo(method: string, url: string): Access | undefined {
  if (url === '/x/*' || url === '/v:version(^[1-9][0-9]?$)/x/*') return { kind: 'endpoint' };
  if (url === '/docs' || url.startsWith('/docs/') || url.startsWith('/ui/')) return open;
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
