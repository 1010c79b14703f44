import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstParty } from '../../../support/first-party.ts';
import { type Answer, TestHost, until } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';

const MOUNT = '/x/magflock/tenancy';
let host: TestHost;
const tokens: Record<string, { id: string; token: string }> = {};

beforeAll(async () => {
  host = await TestHost.start();
  await host.run(await firstParty('tenancy'));
  for (const [name, role, tenant] of [
    ['a', 'tenant-admin', 't_a'],
    ['b', 'tenant-admin', 't_b'],
    ['viewer', 'tenant-viewer', 't_a'],
    ['nobody', 'user', 't_a'],
    ['owner-of-a', 'owner', 't_a'],
    ['platform', 'platform-admin', 't_system'],
  ] as const) {
    tokens[name] = (await host.ask('POST', '/v1/tokens', { body: { name, role, tenant } })).body;
  }
  for (const id of ['t_a', 't_b']) await make('/tenants', { id, name: id });
});
afterAll(() => host[Symbol.asyncDispose]());

type Options = { as?: string; body?: unknown; headers?: Record<string, string> };
const ask = (method: string, path: string, { as, ...options }: Options = {}): Promise<Answer> =>
  host.ask(method, `${MOUNT}${path}`, { ...options, ...(as ? { token: tokens[as]?.token ?? '' } : {}) });
const codeOf = ({ status, body }: Answer) => [status, body?.code];
const current = { 'if-match': '*' };

async function make(path: string, body: object, as?: string): Promise<Answer> {
  const made = await ask('POST', path, { body, ...(as ? { as } : {}) });
  expect([made.status, made.body], JSON.stringify(made.body)).toMatchObject([201, body]);
  return made;
}
const ids = async (path: string, as?: string, key = 'id') =>
  (await ask('GET', path, as ? { as } : {})).body.items.map((row: Record<string, unknown>) => row[key]);

/** A resource below a tenant: what is made, what is changed, and what is no good. */
const RESOURCES = [
  [
    'surfaces',
    'id',
    { id: 's1', name: 'One', policies: { max: 3 } },
    { defaults: { theme: 'dark' } },
    { policies: [] },
  ],
  ['apps', 'id', { id: 'a1', name: 'One', surface: 's1' }, { status: 'archived' }, { status: 'gone' }],
  ['projects', 'id', { id: 'p1', name: 'One', app: 'a1' }, { app: null }, { name: '' }],
  [
    'memberships',
    'principal',
    { principal: 'user:ada', roles: ['editor'] },
    { status: 'suspended' },
    { roles: ['owner'] },
  ],
] as const;

describe('what belongs to a tenant', () => {
  it.each(RESOURCES)(
    '%s: made, read, changed with its ETag, listed',
    async (plural, key, body, change, bad) => {
      const path = `/tenants/t_a/${plural}`;
      const made = await make(path, body, 'a');
      const id = String((body as Record<string, unknown>)[key]);
      const one = `${path}/${encodeURIComponent(id)}`;
      expect(made.headers.get('location')).toBe(`${MOUNT}${one}`);
      expect(codeOf(await ask('POST', path, { body, as: 'a' }))).toEqual([409, 'EXISTS']);
      const read = await ask('GET', one, { as: 'viewer' });
      expect(read.body).toMatchObject({ ...body, tenant: 't_a', version: 1 });
      const etag = read.headers.get('etag') ?? '';
      expect((await ask('GET', one, { as: 'a', headers: { 'if-none-match': etag } })).status).toBe(304);
      const patch = (headers: Record<string, string>, changed: object = change) =>
        ask('PATCH', one, { as: 'a', body: changed, headers });
      expect(codeOf(await patch({}))).toEqual([428, 'PRECONDITION_REQUIRED']);
      expect(codeOf(await patch({ 'if-match': '"7"' }))).toEqual([412, 'STALE']);
      expect(codeOf(await patch({ 'if-match': etag }, bad))).toEqual([400, 'INVALID']);
      expect(codeOf(await patch({ 'if-match': etag }, { [key]: 'other' }))).toEqual([400, 'INVALID']);
      const changed = await patch({ 'if-match': etag });
      expect([changed.status, changed.body]).toMatchObject([200, { ...change, version: 2 }]);
      expect(changed.headers.get('etag')).toBe('"2"');
      expect(codeOf(await patch({ 'if-match': etag }))).toEqual([412, 'STALE']);
      const problem = await ask('GET', `${path}/none`, { as: 'a' });
      expect(problem.headers.get('content-type')).toContain('application/problem+json');
      expect(problem.body).toMatchObject({
        type: 'urn:magflock:tenancy:NOT_FOUND',
        status: 404,
        code: 'NOT_FOUND',
      });
      expect((await ask('POST', path, { body, as: 'viewer' })).status).toBe(403);
      expect((await ask('GET', path, { as: 'nobody' })).status).toBe(403);
    },
  );

  it('is there page by page, and narrowed', async () => {
    for (let n = 0; n < 5; n++) await make('/tenants/t_a/surfaces', { id: `page-${n}`, name: `${n}` }, 'a');
    const found: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body }: Answer = await ask('GET', `/tenants/t_a/surfaces?limit=2${query}`, { as: 'a' });
      expect(body.items.length).toBeLessThanOrEqual(2);
      found.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.next;
    }
    expect(found).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 's1']);
    expect(await ids('/tenants/t_a/apps?status=archived', 'a')).toEqual(['a1']);
    expect(await ids('/tenants/t_a/apps?status=active', 'a')).toEqual([]);
    expect(await ids('/tenants/t_a/memberships?roles=editor', 'a', 'principal')).toEqual(['user:ada']);
    expect(await ids('/tenants/t_a/memberships?roles=boss', 'a', 'principal')).toEqual([]);
    for (const query of ['limit=0', 'limit=x', 'color=red', 'status=active&status=archived'])
      expect(codeOf(await ask('GET', `/tenants/t_a/surfaces?${query}`, { as: 'a' }))).toEqual([
        400,
        'INVALID',
      ]);
  });

  it('names what is there, and is not removed while something needs it', async () => {
    const nowhere = { id: 'a2', name: 'Two', surface: 'nowhere' };
    expect(codeOf(await ask('POST', '/tenants/t_a/apps', { body: nowhere, as: 'a' }))).toEqual([
      409,
      'UNKNOWN_REFERENCE',
    ]);
    const remove = (path: string) => ask('DELETE', `/tenants/t_a/${path}`, { as: 'a', headers: current });
    expect(codeOf(await remove('surfaces/s1'))).toEqual([409, 'IN_USE']);
    expect(codeOf(await ask('DELETE', '/tenants/t_a/apps/a1', { as: 'a' }))).toEqual([
      428,
      'PRECONDITION_REQUIRED',
    ]);
    for (const path of ['projects/p1', 'apps/a1', 'surfaces/s1'])
      expect((await remove(path)).status).toBe(204);
    expect((await remove('surfaces/s1')).status).toBe(404);
    expect((await remove('memberships/user:ada')).status).toBe(204);
    expect((await ask('GET', '/tenants/t_a/memberships/user:ada', { as: 'a' })).body.status).toBe('removed');
  });

  it('of the control plane is there for every tenant, by subscription where it is an app', async () => {
    await make('/tenants/t_system/surfaces', { id: 'square', name: 'Square' });
    await make('/tenants/t_system/apps', { id: 'crm', name: 'CRM', surface: 'square' });
    expect(await ids('/tenants/t_system/apps', 'a')).toEqual(['crm']);
    await make('/tenants/t_b/subscriptions', { app: 'crm' }, 'b');
    await make('/tenants/t_b/apps', { id: 'own', name: 'Own', surface: 'square' }, 'b');
    const square = { id: 'square', name: 'Mine' };
    expect(codeOf(await ask('POST', '/tenants/t_a/surfaces', { body: square, as: 'a' }))).toEqual([
      409,
      'EXISTS',
    ]);
    const own = { id: 'own', name: 'Own', surface: 'square' };
    expect(codeOf(await ask('POST', '/tenants/t_system/apps', { body: own }))).toEqual([409, 'EXISTS']);
    expect(codeOf(await ask('DELETE', '/tenants/t_system/apps/crm', { headers: current }))).toEqual([
      409,
      'IN_USE',
    ]);
    expect(
      codeOf(await ask('PATCH', '/tenants/t_system/apps/crm', { as: 'a', body: {}, headers: current })),
    ).toEqual([403, 'WRONG_TENANT']);
    expect(
      codeOf(
        await ask('POST', '/tenants/t_system/memberships', { body: { principal: 'user:x', roles: [] } }),
      ),
    ).toEqual([409, 'SYSTEM_TENANT']);
  });
});

describe('tenants and users', () => {
  it('are kept in t_system alone, t_system itself as it is', async () => {
    for (const as of ['a', 'owner-of-a']) {
      for (const [path, body] of [
        ['/tenants', { id: 't_mine', name: 'Mine' }],
        ['/users', { id: 'user:mine', name: 'Mine' }],
      ] as const)
        expect((await ask('POST', path, { as, body })).status).toBe(403);
    }
    for (const [method, body] of [
      ['PATCH', { name: 'Other' }],
      ['PATCH', { status: 'suspended' }],
      ['DELETE', undefined],
    ] as const)
      expect(codeOf(await ask(method, '/tenants/t_system', { body, headers: current }))).toEqual([
        409,
        'SYSTEM_TENANT',
      ]);
    expect(codeOf(await ask('POST', '/tenants', { body: { id: 'acme', name: 'x' } }))).toEqual([
      400,
      'INVALID',
    ]);
    expect(
      codeOf(await ask('PATCH', '/tenants/t_a', { body: { status: 'erased' }, headers: current })),
    ).toEqual([400, 'INVALID']);
    expect(await ids('/tenants', 'platform')).toEqual(['t_a', 't_b', 't_system']);
    expect(await ids('/tenants', 'a')).toEqual(['t_a']);
  });

  it('a user is whoever is a member anywhere, and seen where', async () => {
    await make('/users', { id: 'user:bob', name: 'Bob', email: 'bob@example.com' });
    expect(await ids('/users', 'b')).toEqual([]);
    await make('/tenants/t_b/memberships', { principal: 'user:bob', roles: ['x'] }, 'b');
    await make('/tenants/t_b/memberships', { principal: 'user:cy', roles: [] }, 'b');
    expect(await ids('/users', 'b')).toEqual(['user:bob', 'user:cy']);
    expect(await ids('/users?email=bob@example.com', 'a')).toEqual([]);
    expect(codeOf(await ask('DELETE', '/users/user:bob', { headers: current }))).toEqual([409, 'IN_USE']);
  });

  it('are exported as lines, and erased but for the id', async () => {
    await make('/tenants', { id: 't_gone', name: 'Gone', settings: { plan: 'x' } });
    const path = '/tenants/t_gone';
    await make(`${path}/surfaces`, { id: 'web', name: 'Web' });
    await make(`${path}/memberships`, { principal: 'user:only-there', roles: ['x'] });
    await make(`${path}/memberships`, { principal: 'user:bob', roles: ['x'] });
    const exported = await ask('GET', `${path}/export`);
    expect(exported.headers.get('content-type')).toContain('application/x-ndjson');
    const lines = exported.body
      .trim()
      .split('\n')
      .map((line: string) => JSON.parse(line));
    expect(lines.map(({ kind }: { kind: string }) => kind)).toEqual([
      'tenant',
      'membership',
      'membership',
      'surface',
      'user',
      'user',
    ]);
    expect(codeOf(await ask('GET', `${path}/export`, { as: 'a' }))).toEqual([403, 'WRONG_TENANT']);
    expect((await ask('DELETE', path, { headers: { 'if-match': '"1"' } })).status).toBe(204);
    expect((await ask('GET', path)).body).toMatchObject({ status: 'erased', name: 'Erased', settings: {} });
    expect(await ids(`${path}/surfaces`)).toEqual([]);
    expect(await ids(`${path}/memberships`)).toEqual([]);
    expect((await ask('GET', '/users/user:only-there')).status).toBe(404);
    expect((await ask('GET', '/users/user:bob')).status).toBe(200);
    const again = { id: 't_gone', name: 'Back' };
    expect(codeOf(await ask('POST', '/tenants', { body: again }))).toEqual([409, 'EXISTS']);
    expect(codeOf(await ask('PATCH', path, { body: { name: 'x' }, headers: current }))).toEqual([
      409,
      'TENANT_ERASED',
    ]);
    const surface = { id: 'web', name: 'Web' };
    expect(codeOf(await ask('POST', `${path}/surfaces`, { body: surface }))).toEqual([409, 'TENANT_ERASED']);
    const told = await until(
      async () => (await host.ask('GET', '/v1/events?type=magflock.tenancy.tenant_erased')).body.events,
      ({ length }) => length > 0,
    );
    expect(told[0].data).toEqual({ tenant: 't_gone', id: 't_gone', version: 2 });
  });

  it('every change is an event of its kind', async () => {
    for (const type of [
      'tenant_created',
      'surface_created',
      'app_updated',
      'project_removed',
      'membership_removed',
    ]) {
      const { body } = await host.ask('GET', `/v1/events?type=magflock.tenancy.${type}`);
      expect(body.events.length, type).toBeGreaterThan(0);
    }
  });
});

describe('the commands', () => {
  const mag = async (command: string, ...line: string[]) => {
    const env = { MAG_URL: host.url, MAG_TOKEN: host.token };
    const argv = [`magflock/tenancy:${command}`, ...line, '--output', 'json'];
    const { exitCode, stdout, stderr } = await runMag(argv, { env, cwd: host.dataDir });
    return { exitCode, said: stdout === '' ? stderr : JSON.parse(stdout) };
  };

  it('keep tenants and members', async () => {
    expect((await mag('tenant-create', 't_cli', 'By hand')).said).toMatchObject({
      id: 't_cli',
      status: 'active',
    });
    expect((await mag('tenant-set', 't_cli', '--status', 'suspended')).said).toMatchObject({ version: 2 });
    expect((await mag('tenants', '--status', 'suspended')).said).toMatchObject([{ id: 't_cli' }]);
    expect((await mag('member-set', 't_cli', 'user:eve', 'a', 'b')).said).toMatchObject({
      roles: ['a', 'b'],
    });
    expect((await mag('member-set', 't_cli', 'user:eve', 'c')).said).toMatchObject({
      roles: ['c'],
      version: 2,
    });
    expect((await mag('member-remove', 't_cli', 'user:eve')).said).toMatchObject({ status: 'removed' });
    expect((await mag('list', 't_cli')).said).toMatchObject([{ principal: 'user:eve', status: 'removed' }]);
    expect((await mag('export', 't_cli')).exitCode).toBe(0);
    expect((await mag('tenant-erase', 't_cli')).said).toMatchObject({ status: 'erased' });
    expect(await mag('tenant-set', 't_cli', '--name', 'x')).toMatchObject({ exitCode: 1 });
    expect(await mag('tenant-erase', 't_system')).toMatchObject({ exitCode: 1 });
  });

  it('keep surfaces, apps, subscriptions, projects and users', async () => {
    await mag('tenant-create', 't_shop');
    const set = async (...line: string[]) => (await mag('catalog-set', 't_shop', ...line)).said;
    expect(await set('surfaces', 'web', '--policies', '{"tone":"calm"}')).toMatchObject({
      name: 'web',
      policies: { tone: 'calm' },
    });
    expect(await set('apps', 'cart', '--surface', 'web')).toMatchObject({ surface: 'web', version: 1 });
    expect(await set('apps', 'cart', '--name', 'The cart')).toMatchObject({ name: 'The cart', version: 2 });
    expect(await set('subscriptions', 'cart')).toMatchObject({ app: 'cart', status: 'active' });
    expect(await set('projects', 'one', '--app', 'cart')).toMatchObject({ app: 'cart' });
    expect((await mag('catalog-show', 't_shop', 'projects', 'one')).said).toMatchObject({ id: 'one' });
    expect((await mag('catalog-remove', 't_shop', 'projects', 'one')).exitCode).toBe(0);
    expect(await mag('catalog-show', 't_shop', 'projects', 'one')).toMatchObject({
      exitCode: 1,
      said: { error: { code: 'NOT_FOUND' } },
    });
    expect(
      (await mag('user-set', 'user:zoe', '--name', 'Zoe', '--email', 'zoe@example.com')).said,
    ).toMatchObject({
      id: 'user:zoe',
    });
    expect((await mag('users', '--email', 'zoe@example.com')).said).toMatchObject([{ name: 'Zoe' }]);
    expect((await mag('user-remove', 'user:zoe')).exitCode).toBe(0);
    expect((await mag('users', '--email', 'zoe@example.com')).said).toEqual([]);
    for (const wrong of [
      ['catalog-set', 't_shop', 'memberships', 'user:a'],
      ['catalog-set', 't_shop', 'apps', 'x', '--surface', 'nowhere'],
      ['catalog-set', 't_shop', 'surfaces', 'web', '--policies', '{'],
      ['catalog-set', 't_nowhere', 'surfaces', 'web'],
    ])
      expect(await mag(...(wrong as [string]))).toMatchObject({
        exitCode: 1,
        said: { error: { code: expect.any(String), detail: expect.any(String) } },
      });
  });
});
