import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { firstParty } from '../../../support/first-party.ts';
import { type Answer, TestHost, until } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';
import { serving } from '../../../support/sources.ts';

const TENANCY = '/x/magflock/tenancy';
const MODES = '/x/magflock/modes';
const CODE = `export default { endpoints: {
  'GET /context': (_request, ctx) => ({ body: ctx.request }),
  'POST /context': (_request, ctx) => ({ body: ctx.request }),
} };`;
const any = { 'if-match': '*' };

/** Tenancy and modes, an endpoint that shows its context, and a second host on the same database. */
describe('the request context of tenants', () => {
  let host: TestHost;
  let beside: TestHost;
  let author: Author;
  const tokens: Record<string, { id: string; token: string }> = {};

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    for (const name of ['tenancy', 'modes']) await host.run(await firstParty(name));
    const manifest = serving('echo', ['GET /context', 'POST /context']);
    await host.run(await author.publish({ manifest, code: CODE }));
    for (const [name, role, tenant] of [
      ['a', 'tenant-admin', 't_a'],
      ['b', 'tenant-admin', 't_b'],
      ['member', 'user', 't_a'],
      ['stranger', 'user', 't_new'],
    ] as const)
      tokens[name] = (await host.ask('POST', '/v1/tokens', { body: { name, role, tenant } })).body;
    for (const id of ['t_a', 't_b']) await done('POST', `${TENANCY}/tenants`, { id, name: id });
    beside = await host.startBeside();
  });
  afterAll(async () => {
    await beside[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  async function done(method: string, path: string, body?: unknown, headers: Record<string, string> = any) {
    const answer = await host.ask(method, path, { ...(body === undefined ? {} : { body }), headers });
    expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    return answer;
  }
  const context = (as: string, headers: Record<string, string> = {}, on = host): Promise<Answer> =>
    on.ask('GET', '/x/acme/echo/context', { token: tokens[as]?.token ?? '', headers });
  const rolesOf = async (as: string, headers = {}, on = host) => {
    const { status, body } = await context(as, headers, on);
    return status === 200 ? body.membership.roles : status;
  };
  const members = () => `${TENANCY}/tenants/t_a/memberships`;
  const principal = () => `token:${tokens.member?.id}`;

  it('follows a membership with the very next request, and within moments on another host', async () => {
    expect(await rolesOf('member')).toEqual(['user']); // as the host says
    expect(await rolesOf('member', {}, beside)).toEqual(['user']);
    await done('POST', members(), { principal: principal(), roles: ['editor'] });
    expect(await rolesOf('member')).toEqual(['editor']);
    const one = `${members()}/${principal()}`;
    for (const [change, roles] of [
      [{ roles: ['editor', 'boss'] }, ['editor', 'boss']],
      [{ status: 'suspended' }, 403],
      [{ status: 'active' }, ['editor', 'boss']],
    ] as const) {
      await done('PATCH', one, change);
      expect(await rolesOf('member')).toEqual(roles);
      await until(
        () => rolesOf('member', {}, beside),
        (found) => String(found) === String(roles),
      );
    }
    await done('DELETE', one);
    expect(await rolesOf('member')).toBe(403);
    await done('PATCH', one, { status: 'active', roles: ['editor'] });
    expect(await rolesOf('member')).toEqual(['editor']);
  });

  it('is closed while the tenant or the user is suspended', async () => {
    await done('PATCH', `${TENANCY}/tenants/t_a`, { status: 'suspended' });
    expect(await rolesOf('member')).toBe(403);
    expect(await rolesOf('a')).toBe(403);
    expect(await rolesOf('b')).toEqual(['tenant-admin']);
    await done('PATCH', `${TENANCY}/tenants/t_a`, { status: 'active' });
    expect(await rolesOf('a')).toEqual(['tenant-admin']);
    await done('PATCH', `${TENANCY}/users/${principal()}`, { status: 'suspended' });
    expect(await rolesOf('member')).toBe(403);
    await done('PATCH', `${TENANCY}/users/${principal()}`, { status: 'active' });
  });

  it('has only the places of the tenant', async () => {
    const make = (tenant: string, plural: string, body: object) =>
      done('POST', `${TENANCY}/tenants/${tenant}/${plural}`, body);
    await make('t_a', 'surfaces', { id: 'web', name: 'Web' });
    await make('t_b', 'surfaces', { id: 'theirs', name: 'Theirs' });
    await make('t_system', 'surfaces', { id: 'square', name: 'Square' });
    await make('t_system', 'apps', { id: 'crm', name: 'CRM', surface: 'square' });
    await make('t_a', 'apps', { id: 'shop', name: 'Shop', surface: 'web' });
    await make('t_a', 'projects', { id: 'one', name: 'One', app: 'shop' });
    const at = (surface?: string, app?: string, project?: string) =>
      rolesOf('a', {
        ...(surface ? { 'x-surface-id': surface } : {}),
        ...(app ? { 'x-app-id': app } : {}),
        ...(project ? { 'x-project-id': project } : {}),
      });
    const inside = ['tenant-admin'];
    for (const place of [
      ['web'],
      ['square'],
      ['web', 'shop'],
      ['web', 'shop', 'one'],
      [undefined, undefined, 'one'],
    ])
      expect([place, await at(...place)]).toEqual([place, inside]);
    for (const place of [
      ['theirs'],
      ['none'],
      ['square', 'shop'],
      ['square', 'crm'],
      ['', 'crm'],
      ['', '', 'none'],
    ])
      expect([place, await at(...place)]).toEqual([place, 403]);
    await make('t_a', 'subscriptions', { app: 'crm' });
    expect(await at('square', 'crm')).toEqual(inside);
    expect(await at('square', 'crm', 'one')).toBe(403);
    await done('PATCH', `${TENANCY}/tenants/t_a/surfaces/web`, { status: 'archived' });
    expect(await at('web')).toBe(403);
  });

  it('says how the tenant is run, from the next request on, where a surface beats it', async () => {
    const modeOf = async (headers = {}) => (await context('a', headers)).body.mode;
    expect(await modeOf()).toBeNull();
    const set = (path: string, mode: string) => done('PUT', `${MODES}/tenants/${path}`, { mode });
    await set('t_a/mode', 'enterprise');
    expect(await modeOf()).toBe('enterprise');
    expect((await context('b')).body.mode).toBeNull();
    await set('t_system/mode', 'saas');
    expect((await context('b')).body.mode).toBe('saas');
    expect(await modeOf()).toBe('enterprise');
    await done('POST', `${MODES}/modes`, { id: 'night', name: 'Night', entitlements: { after: '22:00' } });
    await set('t_system/surfaces/square/mode', 'night');
    expect(await modeOf({ 'x-surface-id': 'square' })).toBe('night');
    await set('t_a/surfaces/square/mode', 'lab');
    expect(await modeOf({ 'x-surface-id': 'square' })).toBe('lab');
    await until(
      async () => (await context('a', { 'x-surface-id': 'square' }, beside)).body.mode,
      (mode) => mode === 'lab',
    );
    const token = tokens.b?.token ?? '';
    const current = await host.ask('GET', `${MODES}/current`, {
      token,
      headers: { 'x-surface-id': 'square' },
    });
    expect(current.body.mode).toMatchObject({ id: 'night', entitlements: { after: '22:00' } });
    await done('DELETE', `${MODES}/tenants/t_a/surfaces/square/mode`);
    expect(await modeOf({ 'x-surface-id': 'square' })).toBe('night');
    expect((await host.ask('GET', '/x/acme/echo/context')).body.mode).toBeNull(); // t_system asks nobody
  });

  it('keeps modes with ETags, in t_system alone, and by command', async () => {
    const path = `${MODES}/modes/lab`;
    const read = await host.ask('GET', path);
    expect([read.body.name, read.headers.get('etag')]).toEqual(['Lab', '"1"']);
    const ask = async (
      method: string,
      where: string,
      body: unknown,
      headers: Record<string, string>,
      as?: string,
    ) => {
      const token = as === undefined ? host.token : (tokens[as]?.token ?? '');
      const answer = await host.ask(method, where, { body, headers, token });
      return [answer.status, answer.body?.code ?? answer.body?.version];
    };
    expect(await ask('PATCH', path, { name: 'L' }, {})).toEqual([428, 'PRECONDITION_REQUIRED']);
    expect(await ask('PATCH', path, { name: 'L' }, { 'if-match': '"9"' })).toEqual([412, 'STALE']);
    expect(await ask('PATCH', path, { name: 'L' }, { 'if-match': '"1"' })).toEqual([200, 2]);
    expect(await ask('PATCH', path, { color: 'red' }, any)).toEqual([400, 'INVALID']);
    expect(await ask('POST', `${MODES}/modes`, { id: 'lab', name: 'x' }, {})).toEqual([409, 'EXISTS']);
    expect(await ask('PUT', `${MODES}/tenants/t_a/mode`, { mode: 'none' }, any)).toEqual([
      409,
      'UNKNOWN_MODE',
    ]);
    expect(await ask('PUT', `${MODES}/tenants/t_a/mode`, { mode: 'lab' }, {})).toEqual([
      428,
      'PRECONDITION_REQUIRED',
    ]);
    expect(await ask('PUT', `${MODES}/tenants/t_a/mode`, { mode: 'lab' }, any, 'a')).toEqual([
      403,
      'E_FORBIDDEN',
    ]);
    expect(await ask('GET', `${MODES}/tenants/t_b/mode`, undefined, {}, 'a')).toEqual([403, 'WRONG_TENANT']);
    expect(await ask('DELETE', `${MODES}/modes/night`, undefined, any)).toEqual([409, 'IN_USE']);
    expect(await ask('DELETE', path, undefined, any)).toEqual([204, undefined]);
    const env = { MAG_URL: host.url, MAG_TOKEN: host.token };
    const argv = ['magflock/modes:set', 't_b', 'enterprise', '--output', 'json'];
    expect((await runMag(argv, { env, cwd: host.dataDir })).exitCode).toBe(0);
    expect((await context('b')).body.mode).toBe('enterprise');
    const unset = await runMag(['magflock/modes:unset', 't_b'], { env, cwd: host.dataDir });
    expect([unset.exitCode, (await context('b')).body.mode]).toEqual([0, 'saas']);
    const { items, next } = (await host.ask('GET', `${MODES}/attachments?limit=1`)).body;
    const rest = (await host.ask('GET', `${MODES}/attachments?cursor=${next}`)).body.items;
    expect([...items, ...rest].map(({ tenant, surface }) => [tenant, surface])).toEqual([
      ['t_a', ''],
      ['t_system', ''],
      ['t_system', 'square'],
    ]);
  });

  it('is that of the host in a tenant nobody made, until that is refused', async () => {
    expect(await rolesOf('stranger')).toEqual(['user']);
    await done('PUT', '/v1/extensions/magflock/tenancy/config', { unknownTenants: 'refuse' }, {});
    for (const kind of ['disable', 'enable'] as const) await host.operate('magflock/tenancy', kind);
    expect(await rolesOf('stranger')).toBe(403);
    expect(await rolesOf('a')).toEqual(['tenant-admin']);
  });

  it('is not there for a tenant that is erased, and modes forgets it', async () => {
    await done('DELETE', `${TENANCY}/tenants/t_a`);
    expect(await rolesOf('a')).toBe(403);
    const left = await until(
      async () => (await host.ask('GET', `${MODES}/attachments?tenant=t_a`)).body.items,
      (items) => items.length === 0,
    );
    expect(left).toEqual([]);
  });

  it('is the same after a restart', async () => {
    await done('POST', `${TENANCY}/tenants/t_b/memberships`, {
      principal: `token:${tokens.b?.id}`,
      roles: ['kept'],
    });
    const before = (await context('b')).body;
    expect(before).toMatchObject({ mode: 'saas', membership: { roles: ['kept'] } });
    await host.shutdown();
    await host.boot();
    expect((await context('b')).body).toEqual({ ...before, traceId: expect.any(String) });
    expect(await rolesOf('a')).toBe(403);
  });
});
