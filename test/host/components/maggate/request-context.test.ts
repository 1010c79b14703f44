import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MembershipResolver } from '../../../../host/components/magauth/memberships.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

/** As a tenancy will: a token is a member of its own tenant, and by its name of `t_shared` too. */
const memberships: MembershipResolver = {
  async membership({ tenantId: home, role, name }, tenantId) {
    if (tenantId === home) return { tenantId, roles: [role ?? ''], mode: null };
    if (tenantId === 't_shared' && name === 'user') return { tenantId, roles: ['viewer'], mode: 'sandbox' };
    return null;
  },
};

let gateway: TestGateway;
let shared: TestGateway;
beforeAll(async () => {
  [gateway, shared] = await Promise.all([createTestGateway(), createTestGateway({ memberships })]);
  for (const { endpoints } of [gateway, shared]) {
    endpoints.serve(
      'acme/hello',
      { method: 'GET', path: '/of/:name', auth: 'user' },
      { method: 'GET', path: '/tenants/:tenantId', auth: 'user' },
      { method: 'POST', path: '/echo', auth: 'user' },
      { method: 'DELETE', path: '/echo', auth: 'viewer' },
      { method: 'POST', path: '/hook', auth: 'none' },
    );
    endpoints.answer = ({ request }) => ({ body: request as never });
  }
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await shared[Symbol.asyncDispose]();
});

interface Route {
  readonly method: string;
  readonly url: string;
}

/** Every operation of the OpenAPI document that asks for a token, and the body it might take. */
async function protectedRoutes(): Promise<Route[]> {
  const { paths } = (await gateway.inject(null, { url: '/openapi.json' })).json() as {
    paths: Record<string, Record<string, { security?: unknown[] }>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security === undefined || security.length > 0)
      .map(([method]) => ({
        method: method.toUpperCase(),
        url: path
          .replace('{publisher}', 'acme')
          .replace('{capability}', 'database.read')
          .replace('{tenantId}', 't_system')
          .replaceAll(/\{\w+\}/g, 'none'),
      })),
  );
}

const FOREIGN = { 'x-tenant-id': 't_other' };
const MALFORMED = { 'x-tenant-id': 'T OTHER' };

/** Routes for anybody, each in a tenant of theirs. */
const OF_TENANTS = /^\/(x|auth)\/|^\/v1\/(ui|commands|formats)\b/;

/** What is wrong with a request, and what it is answered: 401 before 400 before 403. */
const CASES: readonly {
  readonly what: string;
  readonly role: 'owner' | 'acme' | 'user' | null;
  readonly headers?: Record<string, string>;
  readonly query?: string;
  readonly answer: readonly [number, string];
  /** Only the control plane asks for a role in `t_system`. */
  readonly controlOnly?: true;
}[] = [
  { what: 'no token', role: null, answer: [401, 'E_AUTH_REQUIRED'] },
  { what: 'no token, malformed', role: null, headers: MALFORMED, answer: [401, 'E_AUTH_REQUIRED'] },
  { what: 'no token, foreign', role: null, headers: FOREIGN, answer: [401, 'E_AUTH_REQUIRED'] },
  { what: 'malformed', role: 'owner', headers: MALFORMED, answer: [400, 'E_BAD_REQUEST'] },
  { what: 'malformed, wrong role', role: 'user', headers: MALFORMED, answer: [400, 'E_BAD_REQUEST'] },
  {
    what: 'malformed beside a foreign tenant',
    role: 'owner',
    headers: { ...FOREIGN, 'x-app-id': '../x' },
    answer: [400, 'E_BAD_REQUEST'],
  },
  { what: 'foreign', role: 'owner', headers: FOREIGN, answer: [403, 'E_FORBIDDEN'] },
  {
    what: 'no membership',
    role: 'acme',
    headers: { 'x-tenant-id': 't_system' },
    answer: [403, 'E_FORBIDDEN'],
  },
  { what: 'wrong role', role: 'user', answer: [403, 'E_FORBIDDEN'], controlOnly: true },
  { what: 'the right role elsewhere', role: 'acme', answer: [403, 'E_FORBIDDEN'], controlOnly: true },
  { what: 'a foreign query', role: 'owner', query: '?tenant_id=t_other', answer: [403, 'E_FORBIDDEN'] },
  {
    what: 'a query that names two',
    role: 'owner',
    query: '?tenantId=t_system&tenantId=t_other',
    answer: [403, 'E_FORBIDDEN'],
  },
];

describe('every protected route of the description', () => {
  it('is walked', async () => {
    const routes = await protectedRoutes();
    expect(routes.length).toBeGreaterThan(40);
    expect(routes).toContainEqual({ method: 'POST', url: '/x/acme/hello/echo' });
    expect(routes.some(({ url }) => url === '/x/acme/hello/hook')).toBe(false);
  });

  it.each(CASES)(
    'answers $what with $answer',
    async ({ role, headers = {}, query = '', answer, controlOnly }) => {
      for (const { method, url } of await protectedRoutes()) {
        if (controlOnly === true && OF_TENANTS.test(url)) continue;
        // From elsewhere: the metrics are open to this machine.
        const from = { remoteAddress: '192.0.2.7' };
        const got = await gateway.inject(role, {
          ...from,
          method: method as 'GET',
          url: url + query,
          headers,
        });
        expect([got.statusCode, got.json().code], `${method} ${url}`).toEqual(answer);
      }
    },
  );

  it('takes no body that names another tenant, but one that is kept for somebody else', async () => {
    for (const { method, url } of await protectedRoutes()) {
      if (!['POST', 'PUT', 'PATCH'].includes(method) || url === '/v1/extensions') continue;
      for (const payload of [{ tenant_id: 't_other' }, { tenantId: 't_other' }, { tenantId: 7 }]) {
        const got = await gateway.inject('owner', { method: method as 'POST', url, payload });
        if (url.endsWith('/config')) expect(got.statusCode, url).not.toBe(403);
        else expect([got.statusCode, got.json().code], `${method} ${url}`).toEqual([403, 'E_FORBIDDEN']);
      }
    }
  });
});

describe('the request context', () => {
  const call = (
    on: TestGateway,
    role: 'user' | 'acme' | null,
    options: { method?: string; url?: string; headers?: Record<string, string>; payload?: object } = {},
  ) =>
    on.inject(role, {
      ...options,
      method: (options.method ?? 'GET') as 'GET',
      url: `/x/acme/hello${options.url ?? '/of/a'}`,
    });

  it('is what the headers and the token say', async () => {
    const { body } = await call(gateway, 'acme', {
      headers: {
        'x-tenant-id': 't_acme',
        'x-env': 'staging',
        'x-surface-id': 'web',
        'x-app-id': 'App-7',
        'x-project-id': 'p_1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    });
    expect(JSON.parse(body)).toEqual({
      tenantId: 't_acme',
      env: 'staging',
      principal: { id: expect.stringMatching(/^token:/), name: 'owner', role: 'owner' },
      membership: { tenantId: 't_acme', roles: ['owner'] },
      surfaceId: 'web',
      appId: 'App-7',
      projectId: 'p_1',
      mode: null,
      traceId: '0af7651916cd43dd8448eb211c80319c',
    });
  });

  it('has no principal and no membership without a token', async () => {
    const { body } = await call(gateway, null, { method: 'POST', url: '/hook' });
    expect(JSON.parse(body)).toEqual({
      tenantId: 't_system',
      env: 'prod',
      principal: null,
      membership: null,
      mode: null,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it.each([
    ['x-surface-id', ''],
    ['x-surface-id', '-a'],
    ['x-app-id', 'a b'],
    ['x-app-id', 'a/b'],
    ['x-project-id', 'a.b'],
    ['x-project-id', 'a'.repeat(65)],
    ['x-env', 'Prod'],
  ])('refuses %s: %j', async (name, value) => {
    const answer = await call(gateway, 'user', { headers: { [name]: value } });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
  });

  it('takes what names its own tenant, or none', async () => {
    const named = [
      { url: '/tenants/t_system' },
      { url: '/of/a?tenant_id=t_system&tenantId=t_system' },
      {
        method: 'POST',
        url: '/echo',
        payload: { tenant_id: 't_system', tenantId: null, deep: { tenantId: 'x' } },
      },
      { method: 'POST', url: '/echo', payload: [{ tenantId: 't_other' }] },
    ];
    for (const options of named) expect((await call(gateway, 'user', options)).statusCode).toBe(200);
    const foreign = await call(gateway, 'user', { url: '/tenants/t_other' });
    expect([foreign.statusCode, foreign.json().code]).toEqual([403, 'E_FORBIDDEN']);
  });

  it.each([
    ['name=Ada&tenant_id=t_system', 200],
    ['tenant_id=t_other', 403],
    ['tenantId=t_system&tenantId=t_other', 403],
    ['tenant%5Fid=t%5Fother', 403],
  ])('looks into a form in a line: %s', async (payload, status) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const answer = await gateway.inject('user', {
      method: 'POST',
      url: '/x/acme/hello/echo',
      headers,
      payload,
    });
    expect(answer.statusCode).toBe(status);
  });

  it('leaves what an endpoint without authentication is sent to the endpoint', async () => {
    const payload = { tenant_id: 't_other' };
    expect((await call(gateway, null, { method: 'POST', url: '/hook', payload })).statusCode).toBe(200);
  });

  it('is of the tenant a member names, with the role it has there', async () => {
    const there = await call(shared, 'user', { headers: { 'x-tenant-id': 't_shared' } });
    expect(there.json()).toMatchObject({
      tenantId: 't_shared',
      principal: { name: 'user', role: 'viewer' },
      membership: { tenantId: 't_shared', roles: ['viewer'] },
      mode: 'sandbox',
    });
    const deleting = { method: 'DELETE', url: '/echo' };
    expect((await call(shared, 'user', deleting)).statusCode).toBe(403);
    const asViewer = { ...deleting, headers: { 'x-tenant-id': 't_shared' } };
    expect((await call(shared, 'user', asViewer)).statusCode).toBe(200);
    expect((await call(shared, 'acme', asViewer)).statusCode).toBe(403);
  });

  it('gives a role in another tenant none on the control plane', async () => {
    const answer = await shared.inject('user', { url: '/v1/host', headers: { 'x-tenant-id': 't_shared' } });
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'E_FORBIDDEN']);
  });

  it('puts the tenant that a body named wrongly on record', async () => {
    await call(gateway, 'user', { method: 'POST', url: '/echo', payload: { tenantId: 't_other' } });
    expect(await gateway.actionsOnRecord('auth.denied')).toContainEqual(
      expect.objectContaining({ target: 'POST /x/acme/hello/echo', outcome: 'refused' }),
    );
  });
});
