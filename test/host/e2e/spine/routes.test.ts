import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { firstParty } from '../../../support/first-party.ts';
import { type Answer, TestHost } from '../../../support/host.ts';
import { serving } from '../../../support/sources.ts';

const EXTENSIONS = ['tenancy', 'modes', 'guestbook', 'routing', 'secrets', 'flags'] as const;
const TENANCY = '/x/magflock/tenancy';
const MODES = '/x/magflock/modes';
const ROUTING = '/x/magflock/routing';
const FLAGS = '/x/magflock/flags';
/** What asks for no token, by decision: logins, what describes the host, and what an extension declares so. */
const OPEN = [
  'GET /auth/callback/{publisher}/{name}/{provider}',
  'GET /auth/finish',
  'GET /auth/login/{publisher}/{name}/{provider}',
  'GET /auth/providers',
  'GET /auth/saml/{publisher}/{name}/{provider}/metadata',
  'GET /healthz',
  'GET /readyz',
  'GET /ws',
  'POST /auth/login/{publisher}/{name}/{provider}',
  'POST /auth/saml/{publisher}/{name}/{provider}/acs',
  'POST /x/acme/hooked/hook',
];
/** Open to this machine, where the tests are; from elsewhere test/host/api/access.test.ts asks. */
const LOOPBACK = ['GET /metrics'];
/** Whose body is somebody else's: a package, or a configuration in which names mean something else. */
const BODY_OF_OTHERS = [/\/config$/, /^POST \/v1\/extensions$/];

/** Tables that keep nothing of one tenant. */
const OF_NO_TENANT = [
  'magflock/guestbook: ext_magflock_guestbook.entries',
  'magflock/modes: ext_magflock_modes.modes',
  'magflock/tenancy: ext_magflock_tenancy.users',
];
const TABLES = `SELECT r.extension_id AS extension, r.role, r.password, c.oid::regclass::text AS "table",
    c.relrowsecurity AND c.relforcerowsecurity AS "isGuarded",
    (SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant'
     UNION ALL SELECT 'id' WHERE c.relname = 'tenants') AS "tenantColumn"
  FROM mag.extension_roles r JOIN pg_class c
    ON c.relnamespace = to_regnamespace('ext_' || replace(r.extension_id, '/', '_')) AND c.relkind = 'r'
  ORDER BY 1, 4`;

interface Table {
  readonly extension: string;
  readonly role: string;
  readonly password: string;
  readonly table: string;
  readonly isGuarded: boolean;
  readonly tenantColumn: string | null;
}

interface Route {
  readonly method: string;
  readonly template: string;
  readonly url: string;
}

let host: TestHost;
let author: Author;
let routes: Route[];
let open: string[];
const tokens: Record<string, string> = {};

beforeAll(async () => {
  [host, author] = await Promise.all([
    TestHost.start({ MAG_RATE_LIMIT_FAILURES: '100000' }),
    Author.create('acme'),
  ]);
  await host.trust(author);
  for (const name of EXTENSIONS) await host.run(await firstParty(name));
  const manifest = serving('hooked', [], {
    capabilities: [{ name: 'network.inbound', reason: 'Is called.' }],
    contributes: { endpoints: [{ method: 'POST', path: '/hook', auth: 'none' }] },
  });
  await host.run(
    await author.publish({ manifest, code: "export default { endpoints: { 'POST /hook': () => ({}) } };" }),
  );
  for (const [name, role, tenant] of [
    ['a', 'tenant-admin', 't_a'],
    ['owner-of-a', 'owner', 't_a'],
    ['b', 'tenant-admin', 't_b'],
  ] as const)
    tokens[name] = (await host.ask('POST', '/v1/tokens', { body: { name, role, tenant } })).body.token;
  for (const id of ['t_a', 't_b']) await make(`${TENANCY}/tenants`, { id, name: `marker of ${id}` });
  [routes, open] = await described();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
});

async function make(path: string, body: object): Promise<void> {
  const made = await host.ask('POST', path, { body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
}

/** Every operation that asks for a token, and those that do not. */
async function described(): Promise<[Route[], string[]]> {
  const { paths } = (await host.ask('GET', '/openapi.json', { token: null })).body as {
    paths: Record<string, Record<string, { security?: unknown[] }>>;
  };
  const all = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([name, { security }]) => {
      const url = template
        .replace('{publisher}', 'acme')
        .replace('{tenant}', 't_a')
        .replace('{tenantId}', 't_system')
        .replaceAll(/\{\w+\}/g, 'none');
      return { method: name.toUpperCase(), template, url, isOpen: security?.length === 0 };
    }),
  );
  const isOpen = all.filter((route) => route.isOpen).map(({ method, template }) => `${method} ${template}`);
  return [all.filter((route) => !route.isOpen), isOpen];
}

const nameOf = ({ method, template }: Route) => `${method} ${template}`;
const codeOf = ({ status, body }: Answer) => [status, body?.code];
const isOfExtension = ({ template }: Route) => template.startsWith('/x/');

describe('every route of a host with extensions', () => {
  it('asks for a token, but for those that are decided to be open', () => {
    expect(open.toSorted()).toEqual(OPEN.toSorted());
    const served = routes.filter(isOfExtension).map(nameOf);
    for (const part of EXTENSIONS.map((name) => `/x/magflock/${name}/`))
      expect(served.filter((name) => name.includes(part)).length, part).toBeGreaterThan(2);
    expect(served.length).toBeGreaterThan(65);
  });

  it.each([
    ['without a token', null, {}, '', [401, 'E_AUTH_REQUIRED']],
    ['with a token of nobody', 'mag_nobody', {}, '', [401, 'E_AUTH_REQUIRED']],
    ['with a malformed tenant', 'admin', { 'x-tenant-id': 'T A' }, '', [400, 'E_BAD_REQUEST']],
    ['with a malformed environment', 'admin', { 'x-env': 'Prod!' }, '', [400, 'E_BAD_REQUEST']],
    ['with a malformed surface', 'admin', { 'x-surface-id': '../x' }, '', [400, 'E_BAD_REQUEST']],
    ['in a tenant the token is not of', 'admin', { 'x-tenant-id': 't_a' }, '', [403, 'E_FORBIDDEN']],
    ['with the token of another tenant', 'b', { 'x-tenant-id': 't_a' }, '', [403, 'E_FORBIDDEN']],
    ['with a query of another tenant', 'admin', {}, '?tenant_id=t_b', [403, 'E_FORBIDDEN']],
  ] as const)('refuses a request %s', async (_what, as, headers, query, answer) => {
    const token = as === 'admin' ? host.token : as === null ? null : (tokens[as] ?? as);
    for (const route of routes) {
      if (LOOPBACK.includes(nameOf(route))) continue;
      const got = await host.ask(route.method, `${route.url}${query}`, { token, headers });
      expect(codeOf(got), nameOf(route)).toEqual(answer);
    }
  });

  it('refuses a body that names another tenant, but where a body is of somebody else', async () => {
    for (const route of routes.filter(({ method }) => ['POST', 'PUT', 'PATCH'].includes(method))) {
      if (BODY_OF_OTHERS.some((pattern) => pattern.test(nameOf(route).replaceAll(/\{\w+\}/g, 'x')))) continue;
      for (const body of [{ tenant_id: 't_b' }, { tenantId: 't_b' }]) {
        const got = await host.ask(route.method, route.url, { body });
        expect(codeOf(got), nameOf(route)).toEqual([403, 'E_FORBIDDEN']);
      }
    }
  });
});

/** What a route is asked of: a flag that both tenants could have, any other thing by its id. */
function named(template: string, ids: readonly string[]): readonly string[] {
  if (template.includes('{key}')) return ['shop'];
  return template.includes('{id}') ? ids : ['none'];
}

describe('what tenant B has', () => {
  const MARKER = 'marker of t_b';
  const inB = (path: string) => `${TENANCY}/tenants/t_b/${path}`;
  const everything = async () => ({
    tenancy: (await host.ask('GET', inB('export'))).body,
    modes: (await host.ask('GET', `${MODES}/attachments?tenant=t_b`)).body,
    users: (await host.ask('GET', `${TENANCY}/users`)).body,
    flags: (await host.ask('GET', `${FLAGS}/flags`, { token: tokens.b ?? '' })).body,
    entries: (await host.ask('GET', `${ROUTING}/entries`)).body,
  });

  beforeAll(async () => {
    await make(inB('surfaces'), { id: 'web', name: MARKER });
    await make(inB('apps'), { id: 'shop', name: MARKER, surface: 'web' });
    await make(inB('projects'), { id: 'one', name: MARKER });
    await make(inB('memberships'), { principal: 'user:bob', roles: [MARKER.replaceAll(' ', '-')] });
    await host.ask('PATCH', `${TENANCY}/users/user:bob`, {
      body: { name: MARKER },
      headers: { 'if-match': '*' },
    });
    await make(`${ROUTING}/entries`, { tenant: 't_b', kind: 'feature_flags', store: 'postgres' });
    const flag = { key: 'shop', type: 'boolean', description: MARKER };
    expect((await host.ask('POST', `${FLAGS}/flags`, { token: tokens.b ?? '', body: flag })).status).toBe(
      201,
    );
    for (const path of ['mode', 'surfaces/web/mode'])
      expect((await host.ask('PUT', `${MODES}/tenants/t_b/${path}`, { body: { mode: 'lab' } })).status).toBe(
        200,
      );
  });

  it.each(['a', 'owner-of-a'])('is neither seen nor changed by %s on any route of the spine', async (as) => {
    const before = await everything();
    expect(JSON.stringify(before)).toContain(MARKER);
    const ids = ['web', 'shop', 'one', 'user:bob', 't_b'];
    const entries = before.entries.entries
      .filter(({ tenant }: { tenant: string }) => tenant === 't_b')
      .map(({ id }: { id: string }) => id);
    expect(entries).toHaveLength(1);
    const bodies = [undefined, { name: 'taken' }, { status: 'removed' }, { mode: 'enterprise' }];
    for (const { method, template } of routes.filter(({ template }) =>
      /\/x\/magflock\/(tenancy|modes|routing|secrets|flags)/.test(template),
    )) {
      for (const id of named(template, [...ids, ...entries])) {
        const path = template.replace('{tenant}', 't_b').replace('{surface}', 'web');
        const url = path.replace(/\{(id|key)\}/, id);
        for (const body of method === 'GET' || method === 'DELETE' ? [undefined] : bodies) {
          const headers = { 'if-match': '*' };
          const got = await host.ask(method, url, {
            token: tokens[as] ?? '',
            headers,
            ...(body ? { body } : {}),
          });
          const what = `${method} ${url} ${JSON.stringify(body)}`;
          expect(JSON.stringify(got.body) ?? '', what).not.toMatch(/"t_b"|marker of t_b/);
          if (template.includes('{tenant}')) expect([403, 404], what).toContain(got.status);
          expect(got.status, what).toBeLessThan(500);
        }
      }
    }
    expect(await everything()).toEqual(before);
  });

  it('is neither seen nor changed in any table by whoever acts for A', async () => {
    const { pool, url } = host.database;
    const { rows: tables } = await pool.query<Table>(TABLES);
    const filled: string[] = [];
    for (const { extension, table, tenantColumn, role, password, isGuarded } of tables) {
      const name = `${extension}: ${table}`;
      if (tenantColumn === null) {
        expect(OF_NO_TENANT).toContain(name);
        continue;
      }
      expect([name, isGuarded]).toEqual([name, true]);
      const ofB = `${table} WHERE ${tenantColumn} = 't_b'`;
      if ((await pool.query(`SELECT FROM ${ofB}`)).rowCount !== 0) filled.push(name);
      const address = new URL(url);
      Object.assign(address, { username: role, password });
      const client = new pg.Client({ connectionString: address.href });
      await client.connect();
      try {
        await client.query("BEGIN; SELECT set_config('mag.tenant', 't_a', true)");
        for (const statement of [
          `SELECT FROM ${ofB}`,
          `UPDATE ${table} SET ${tenantColumn} = ${tenantColumn} WHERE ${tenantColumn} = 't_b'`,
          `DELETE FROM ${ofB}`,
        ])
          expect([statement, (await client.query(statement)).rowCount]).toEqual([statement, 0]);
      } finally {
        await client.end();
      }
    }
    expect(filled.length).toBeGreaterThan(6);
  });
});
