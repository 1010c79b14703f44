import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessTable, accessTo, guardRoute } from '../../../host/api/access.ts';
import { createTestGateway, ROLES, type TestGateway } from './test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** A request that passes or fails on rights alone: its parts name nothing that exists. */
function requestFor(route: string) {
  const [method = 'GET', pattern = '/'] = route.split(' ');
  const url = pattern
    .replace(':publisher', 'acme')
    .replace(':name', 'missing')
    .replace(':capability', 'database.read')
    .replace(/:\w+/, 'none');
  return { method: method as 'GET', url };
}

const guarded = accessTable().flatMap(([route, access]) =>
  access.kind === 'roles' ? [{ route, access }] : [],
);

describe('the table of routes and roles', () => {
  it('has no row for a route that is not served', () => {
    for (const [route] of accessTable()) {
      const [method = '', url = ''] = route.split(' ');
      expect(gateway.app.findRoute({ method, url }), route).not.toBeNull();
    }
  });

  it('keeps a route from being served that it has no row for', async () => {
    const app = Fastify();
    app.addHook('onRoute', guardRoute);
    expect(() => app.get('/v1/backdoor', async () => 'in')).toThrow(
      expect.objectContaining({ code: 'E_CONFIG' }),
    );
    await app.close();
  });

  it('knows nothing about a route that nobody decided about', () => {
    expect(accessTo('GET', '/v1/backdoor')).toBeUndefined();
    expect(accessTo('GET', 'constructor')).toBeUndefined();
    expect(accessTo('DELETE', '/v1/host')).toBeUndefined();
    expect(accessTo('GET', '/docsx')).toBeUndefined();
  });

  it.each(guarded)('$route asks for a token', async ({ route }) => {
    for (const authorization of [
      undefined,
      'Bearer',
      'Bearer nonsense',
      'Basic YTpi',
      `Bearer ${'x'.repeat(2_000)}`,
    ]) {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await gateway.app.inject({ ...requestFor(route), headers });
      expect([answer.statusCode, answer.json().code]).toEqual([401, 'E_AUTH_REQUIRED']);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
  });

  it.each(guarded.flatMap(({ route, access }) => ROLES.map((role) => ({ route, role, access }))))(
    '$route as $role',
    async ({ route, role, access }) => {
      const answer = await gateway.inject(role, requestFor(route));
      if ((access.roles as readonly string[]).includes(role))
        expect([401, 403]).not.toContain(answer.statusCode);
      else expect([answer.statusCode, answer.json().code]).toEqual([403, 'E_FORBIDDEN']);
    },
  );

  it('gives each role what spec 09 says', () => {
    const rolesOf = (route: string) => guarded.find((row) => row.route === route)?.access.roles;
    expect(rolesOf('POST /v1/tokens')).toEqual(['owner']);
    expect(rolesOf('POST /v1/trust')).toEqual(['owner']);
    expect(rolesOf('POST /v1/events')).toEqual(['owner', 'operator']);
    expect(rolesOf('POST /v1/extensions')).toEqual(['owner', 'operator', 'author']);
    const closedToAuditors = guarded.filter(
      ({ route, access }) => route.startsWith('GET ') && !access.roles.includes('auditor'),
    );
    expect(closedToAuditors).toEqual([]);
    const openToAuditors = guarded.filter(
      ({ route, access }) => !route.startsWith('GET ') && access.roles.includes('auditor'),
    );
    expect(openToAuditors).toEqual([]);
  });
});

describe('probes and descriptions', () => {
  it.each(['/healthz', '/readyz', '/openapi.json', '/docs', '/docs/json', '/metrics'])(
    '%s is open',
    async (url) => {
      expect((await gateway.inject(null, { url })).statusCode).toBe(200);
    },
  );

  it.each([
    { remoteAddress: '192.0.2.7' },
    { remoteAddress: '127.0.0.1', headers: { 'x-forwarded-for': '192.0.2.7' } },
  ])('asks for a token for the metrics from elsewhere', async (from) => {
    expect((await gateway.inject(null, { url: '/metrics', ...from })).statusCode).toBe(401);
    expect((await gateway.inject('author', { url: '/metrics', ...from })).statusCode).toBe(403);
    expect((await gateway.inject('auditor', { url: '/metrics', ...from })).statusCode).toBe(200);
  });
});

describe('tenants', () => {
  it.each(['acme', 't_ACME', 't_', 't_a b', `t_${'a'.repeat(200)}`, '', "t_a'--"])(
    'refuses the malformed tenant %j',
    async (tenant) => {
      const headers = { 'x-tenant-id': tenant };
      const answer = await gateway.inject('owner', { url: '/v1/host', headers });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    },
  );

  it('refuses the tenant of somebody else, and everybody but its own on the control plane', async () => {
    const asked = (role: 'owner' | 'acme', tenant: string) =>
      gateway.inject(role, { url: '/v1/host', headers: { 'x-tenant-id': tenant } });
    expect((await asked('owner', 't_system')).statusCode).toBe(200);
    const refused = [
      ['owner', 't_acme'],
      ['acme', 't_system'],
      ['acme', 't_acme'],
    ] as const;
    for (const [role, tenant] of refused) {
      const answer = await asked(role, tenant);
      expect([answer.statusCode, answer.json().code]).toEqual([403, 'E_FORBIDDEN']);
    }
  });

  it.each(['PROD', 'a b', '', 'x'.repeat(41), '../etc'])(
    'refuses the malformed environment %j',
    async (env) => {
      const answer = await gateway.inject('owner', { url: '/v1/host', headers: { 'x-env': env } });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    },
  );
});

describe('refusals', () => {
  it('are on record, repeats counted and not dropped', async () => {
    await using own = await createTestGateway();
    for (let i = 0; i < 3; i++)
      await own.inject('author', { method: 'POST', url: '/v1/tokens', payload: {} });
    await own.inject(null, { url: '/v1/host' });
    await own.inject('owner', { url: '/v1/host', headers: { 'x-tenant-id': 't_acme' } });
    const before = await own.actionsOnRecord('auth.denied');
    expect(before).toHaveLength(3);
    expect(before).toContainEqual(
      expect.objectContaining({ principal: 'anonymous', target: 'GET /v1/host', outcome: 'refused' }),
    );
    expect(before).toContainEqual(
      expect.objectContaining({ target: 'POST /v1/tokens', detail: { code: 'E_FORBIDDEN', count: 1 } }),
    );
    await own.app.close();
    const after = await own.actionsOnRecord('auth.denied');
    expect(after).toContainEqual(
      expect.objectContaining({ target: 'POST /v1/tokens', detail: { code: 'E_FORBIDDEN', count: 2 } }),
    );
  });
});
