import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { NEIGHBOUR, serving } from '../../support/sources.ts';

describe('capabilities at run time', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(NEIGHBOUR));
    await host.database.pool.query('CREATE TABLE public.users (id int PRIMARY KEY, name text)');
    await host.database.pool.query('CREATE TABLE public.secrets (id int)');
    await host.database.pool.query(`INSERT INTO public.users VALUES (1, 'Ada')`);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const reader = (name: string, capabilities: object[]) =>
    author.publish({
      manifest: serving(name, ['GET /users', 'GET /secrets', 'GET /sleepless', 'GET /ok'], { capabilities }),
      code: `const query = (sql) => async (_request, ctx) => ({ body: (await ctx.db.query(sql)).rows });
        export default { endpoints: {
          'GET /users': query('select id, name from public.users'),
          'GET /secrets': query('select id from public.secrets'),
          'GET /sleepless': query('select pg_sleep(1)'),
          'GET /ok': async () => ({ body: 'fine' }),
        } };`,
    });
  const read = (scope?: object) => ({
    name: 'database.read',
    reason: 'Reads users.',
    ...(scope ? { scope } : {}),
  });
  const audit = async (id: string) =>
    (await host.ask('GET', '/v1/audit?limit=200')).body.records.filter(
      (record: { principal: string }) => record.principal === `extension:${id}`,
    );

  it('reads what is declared and granted', async () => {
    await host.run(await reader('granted', [read({ tables: ['public.users'] })]));
    for (const _ of [1, 2])
      expect((await host.ask('GET', '/x/acme/granted/users')).body).toEqual([{ id: 1, name: 'Ada' }]);
    // Nobody waits until a first use is on record.
    const records = await until(
      () => audit('acme/granted'),
      ({ length }) => length >= 2,
    );
    expect(records.map(({ action, target }: Record<string, string>) => [action, target]).sort()).toEqual([
      ['capability.allowed', 'api.register_endpoint'],
      ['capability.allowed', 'database.read'],
    ]);
  });

  it('refuses what was not approved, and the rest works', async () => {
    await host.run(await reader('careful', [read()]), ['api.register_endpoint']);
    const refused = await host.ask('GET', '/x/acme/careful/users');
    expect([refused.status, refused.body.code]).toEqual([403, 'E_CAP_REVOKED']);
    expect((await host.ask('GET', '/x/acme/careful/ok')).body).toBe('fine');
    expect((await host.show('acme/careful')).state).toBe('enabled');
  });

  it('takes a grant, its revocation and its return without a reinstall', async () => {
    await host.run(await reader('moody', [read({ tables: ['public.users'] })]), ['api.register_endpoint']);
    const users = async () => (await host.ask('GET', '/x/acme/moody/users')).status;
    const path = '/v1/extensions/acme/moody/grants/database.read';
    expect(await users()).toBe(403);
    await host.ask('PUT', path, { body: {} });
    expect(await users()).toBe(200);
    await host.ask('DELETE', path);
    expect(await users()).toBe(403);
    await host.ask('PUT', path, { body: {} });
    expect(await users()).toBe(200);
  });

  it('serves only while it may, and strangers only while it may do that', async () => {
    const signed = await author.publish({
      manifest: serving('open', ['GET /ok', 'POST /hook none'], {
        capabilities: [{ name: 'network.inbound', reason: 'Is called by others.' }],
      }),
      code: `export default { endpoints: { 'GET /ok': async () => ({ body: 'fine' }), 'POST /hook': async () => ({ body: 'taken' }) } };`,
    });
    await host.run(signed);
    const grant = (method: 'PUT' | 'DELETE', capability: string) =>
      host.ask(method, `/v1/extensions/acme/open/grants/${capability}`, method === 'PUT' ? { body: {} } : {});
    const answers = async () => {
      const ok = await host.ask('GET', '/x/acme/open/ok');
      const hook = await host.ask('POST', '/x/acme/open/hook', { token: null });
      return [ok, hook].map(({ status, body }) => (status === 200 ? body : `${status} ${body.code}`));
    };
    expect(await answers()).toEqual(['fine', 'taken']);
    await grant('DELETE', 'network.inbound');
    expect(await answers()).toEqual(['fine', '403 E_CAP_REVOKED']);
    await grant('DELETE', 'api.register_endpoint');
    await grant('PUT', 'network.inbound');
    expect(await answers()).toEqual(['403 E_CAP_REVOKED', '403 E_CAP_REVOKED']);
    await grant('PUT', 'api.register_endpoint');
    expect(await answers()).toEqual(['fine', 'taken']);

    // Each of it is on record, with who did it.
    const { records } = (await host.ask('GET', '/v1/audit?limit=200')).body;
    const changes = records.filter(
      ({ action, target }: Record<string, string>) =>
        action?.startsWith('grant.') && target?.startsWith('acme/open '),
    );
    const by = { principal: expect.stringMatching(/^token:/), tenant: 't_system', outcome: 'ok' };
    expect(changes).toMatchObject([
      { ...by, action: 'grant.add', target: 'acme/open api.register_endpoint' },
      { ...by, action: 'grant.add', target: 'acme/open network.inbound' },
      { ...by, action: 'grant.revoke', target: 'acme/open api.register_endpoint' },
      { ...by, action: 'grant.revoke', target: 'acme/open network.inbound' },
    ]);
  });

  it('keeps within the scope, and quarantines who keeps trying to leave it', async () => {
    await host.run(await reader('curious', [read({ tables: ['public.users'] })]));
    const codes: string[] = [];
    for (let i = 0; i < 5; i += 1) codes.push((await host.ask('GET', '/x/acme/curious/secrets')).body.code);
    expect(codes).toEqual(Array(5).fill('E_CAP_SCOPE'));
    expect((await host.show('acme/curious')).state).toBe('quarantined');
  });

  it('refuses forbidden statements without ending the extension', async () => {
    await host.run(await reader('sleepy', [read()]));
    expect((await host.ask('GET', '/x/acme/sleepy/sleepless')).body.code).toBe('E_SQL_FORBIDDEN');
    expect((await host.show('acme/sleepy')).state).toBe('enabled');
  });

  it('terminates an extension that uses what it never declared', async () => {
    await host.run(await reader('rogue', []));
    const pinging = setInterval(() => void ping(), 50);
    const pings: number[] = [];
    const ping = async () => pings.push((await host.ask('GET', '/x/acme/neighbour/ping')).status);

    const answer = await host.ask('GET', '/x/acme/rogue/users');
    expect([answer.status, answer.body.code]).toEqual([403, 'E_CAP_UNDECLARED']);
    const shown = await host.show('acme/rogue');
    expect(shown.state).toBe('quarantined');
    expect(await audit('acme/rogue')).toMatchObject([
      { action: 'extension.quarantined', detail: { code: 'E_CAP_UNDECLARED' } },
      { action: 'capability.allowed', target: 'api.register_endpoint', outcome: 'ok' },
    ]);
    const after = await host.ask('GET', '/x/acme/rogue/ok');
    expect([after.status, after.body.code]).toEqual([503, 'E_QUARANTINED']);
    const { body } = await host.ask('GET', '/v1/events?type=extension.error');
    expect(body.events[0].data).toMatchObject({ extension: 'acme/rogue', code: 'E_CAP_UNDECLARED' });
    await until(
      async () => pings.length,
      (count) => count >= 3,
    );
    clearInterval(pinging);
    expect(new Set(pings)).toEqual(new Set([200]));
  });

  it('terminates one that does so while it starts, and it stays quarantined', async () => {
    const signed = await author.publish({
      manifest: serving('early', ['GET /ok']),
      code: `export default { init: async (ctx) => { await ctx.db.query('select 1'); }, endpoints: { 'GET /ok': async () => ({}) } };`,
    });
    await host.stage(signed);
    await host.operate(signed.id, 'install', { version: '1.0.0', approve: 'all' });
    const { body } = await host.operate(signed.id, 'enable');
    expect([body.state, body.error.code]).toEqual(['rolled_back', 'E_CAP_UNDECLARED']);
    expect((await host.show(signed.id)).state).toBe('quarantined');
  });

  it('keeps an audit chain that holds', async () => {
    expect((await host.ask('GET', '/v1/audit/verify')).body.ok).toBe(true);
  });

  it('shows which grants are used', async () => {
    await host.ask('GET', '/x/acme/granted/users');
    const usage = await until(
      async () => (await host.show('acme/granted')).grants,
      (grants) =>
        grants.some(
          (grant: { capability: string; uses: number }) =>
            grant.capability === 'database.read' && grant.uses > 0,
        ),
    );
    expect(usage).toContainEqual(expect.objectContaining({ capability: 'database.read' }));
  });
});
