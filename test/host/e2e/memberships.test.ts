import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const CHANGED = 'acme.members.changed';
/** Keeps memberships in a table, says how often it was asked, and fails when it is told to. */
const MEMBERS = `
  const change = async (ctx, { principal, roles, inTransaction }) => {
    const write = (db) => db.query(
      'insert into members values ($1, $2, $3) on conflict (tenant, principal) do update set roles = excluded.roles',
      [ctx.config.tenant, principal, roles]);
    if (inTransaction)
      return ctx.db.transaction(async (tx) => {
        await write(tx);
        await ctx.events.publishInTransaction(tx, '${CHANGED}', {});
      });
    await write(ctx.db);
    await ctx.events.publish('${CHANGED}', {});
  };
  let asked = 0;
  export default {
    endpoints: {
      'POST /members': async ({ body }, ctx) => { await change(ctx, body); return { status: 204 }; },
      'GET /asked': () => ({ body: { asked } }),
      'POST /rogue': (_request, ctx) => ctx.http.fetch('https://example.com'),
    },
    hooks: {
      'magauth.membership_resolver': async (value, ctx) => {
        asked += 1;
        if (value.tenantId === 't_broken') throw new Error('out of order');
        if (value.tenantId === 't_slow') await new Promise((resolve) => setTimeout(resolve, 60_000));
        if (ctx.request.tenantId !== value.tenantId || ctx.request.membership !== null) throw new Error('whose?');
        if (value.surfaceId === 'closed') return { ...value, roles: null };
        const { rows } = await ctx.db.query(
          'select roles from members where tenant = $1 and principal = $2', [value.tenantId, value.principal.id]);
        return rows.length === 0 ? value : { ...value, roles: rows[0].roles, mode: 'strict' };
      },
    },
  };`;
const ECHO = `export default { endpoints: { 'GET /context': (_request, ctx) => ({ body: ctx.request }) } };`;

describe('an extension that says who is a member', () => {
  let host: TestHost;
  let beside: TestHost;
  let author: Author;
  const tokens: Record<string, { id: string; token: string }> = {};

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    for (const tenant of ['t_acme', 't_broken', 't_slow']) {
      const body = { name: tenant, role: 'user', tenant };
      tokens[tenant] = (await host.ask('POST', '/v1/tokens', { body })).body;
    }
    const echo = serving('echo', ['GET /context']);
    await host.run(await author.publish({ manifest: echo, code: ECHO }));
    await host.run(
      await author.publish({
        manifest: serving('members', ['POST /members', 'GET /asked', 'POST /rogue'], {
          capabilities: [
            { name: 'database.read', reason: 'Reads.' },
            { name: 'database.write', reason: 'Writes.' },
            { name: 'api.emit_events', reason: 'Says.' },
            { name: 'auth.modify_roles', reason: 'Says who is a member.' },
          ],
          contributes: {
            hooks: [{ hook: 'magauth.membership_resolver' }],
            events: { publishes: [{ type: CHANGED, schema: 'schemas/any.json' }] },
          },
          config: { type: 'object', properties: { tenant: { type: 'string', default: 't_acme' } } },
          migrations: 'migrations',
          limits: { wallMs: 4_000 }, // a busy machine must not make it fail where it is to answer
        }),
        code: MEMBERS,
        files: {
          'schemas/any.json': '{ "type": "object" }',
          'migrations/0001_members.up.sql':
            'create table members (tenant text, principal text, roles text[], primary key (tenant, principal));',
          'migrations/0001_members.down.sql': 'drop table members;',
        },
      }),
    );
    beside = await host.startBeside();
  });
  afterAll(async () => {
    await beside[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const contextOf = (tenant: string, headers: Record<string, string> = {}, on = host) =>
    on.ask('GET', '/x/acme/echo/context', { token: tokens[tenant]?.token ?? null, headers });
  const change = (roles: readonly string[] | null, inTransaction = false) =>
    host.ask('POST', '/x/acme/members/members', {
      body: { principal: `token:${tokens.t_acme?.id}`, roles, inTransaction },
    });
  const asked = async () => (await host.ask('GET', '/x/acme/members/asked')).body.asked;

  it('is heard by the very next request, and within moments on another host', async () => {
    expect((await contextOf('t_acme')).body.membership.roles).toEqual(['user']);
    expect((await contextOf('t_acme', {}, beside)).body.membership.roles).toEqual(['user']);
    for (const [roles, inTransaction] of [
      [['a'], false],
      [['b'], true],
      [['c'], true],
      [['d', 'e'], false],
    ] as const) {
      expect((await change(roles, inTransaction)).status).toBe(204);
      const { body } = await contextOf('t_acme');
      expect(body).toMatchObject({ membership: { roles }, principal: { role: roles[0] }, mode: 'strict' });
      await until(
        () => contextOf('t_acme', {}, beside),
        (answer) => answer.body.membership.roles.join() === roles.join(),
      );
    }
    await change(null);
    const refused = await contextOf('t_acme');
    expect([refused.status, refused.body.code]).toEqual([403, 'E_FORBIDDEN']);
    await change(['a']);
  });

  it('is asked again for another place, and not for the same', async () => {
    // What was published in a transaction may be on its way to the log, and drop the answers once more.
    await until(
      async () => {
        await contextOf('t_acme');
        const before = await asked();
        for (let n = 0; n < 5; n++) await contextOf('t_acme');
        return (await asked()) - before;
      },
      (more) => more === 0,
    );
    const before = await asked();
    expect((await contextOf('t_acme', { 'x-surface-id': 'open' })).status).toBe(200);
    expect((await contextOf('t_acme', { 'x-surface-id': 'closed' })).status).toBe(403);
    expect(await asked()).toBeGreaterThanOrEqual(before + 2);
  });

  it.each(['t_broken', 't_slow'])(
    'lets nobody into %s when it fails, and operators always',
    async (tenant) => {
      const { status, body } = await contextOf(tenant);
      expect([status, body.code]).toEqual([503, 'E_MEMBERSHIP']);
      expect((await host.ask('GET', '/x/acme/echo/context')).body.membership.roles).toEqual(['owner']);
      expect((await host.ask('GET', '/v1/extensions')).status).toBe(200);
    },
  );

  it('is not asked any more when it is disabled or its grant revoked, and again when it is back', async () => {
    expect((await contextOf('t_acme')).body.membership.roles).toEqual(['a']);
    await host.ask('DELETE', '/v1/extensions/acme/members/grants/auth.modify_roles');
    expect((await contextOf('t_acme')).body.membership.roles).toEqual(['user']);
    await host.ask('PUT', '/v1/extensions/acme/members/grants/auth.modify_roles', { body: {} });
    expect((await contextOf('t_acme')).body.membership.roles).toEqual(['a']);
    await host.operate('acme/members', 'disable');
    expect((await contextOf('t_acme')).body).toMatchObject({ membership: { roles: ['user'] }, mode: null });
    await host.operate('acme/members', 'enable');
    expect((await contextOf('t_acme')).body).toMatchObject({ membership: { roles: ['a'] }, mode: 'strict' });
  });

  it('is quarantined, where another would be disabled, when it is not well', async () => {
    const places = [1, 2, 3, 4, 5].map((n) => contextOf('t_slow', { 'x-surface-id': `place-${n}` }));
    expect((await Promise.all(places)).map(({ status }) => status)).toEqual(Array(5).fill(503));
    await until(
      () => host.show('acme/members'),
      ({ state }) => state === 'quarantined',
    );
    expect((await contextOf('t_acme')).body.code).toBe('E_MEMBERSHIP');
    await host.operate('acme/members', 'enable');
    expect((await contextOf('t_acme')).body.membership.roles).toEqual(['a']);
  });

  it('lets nobody in while it is quarantined, on any host and after a restart, until an operator decides', async () => {
    await until(
      () => contextOf('t_acme', {}, beside),
      ({ status }) => status === 200,
    );
    await host.ask('POST', '/x/acme/members/rogue');
    const closed = async (on: TestHost) => (await contextOf('t_acme', {}, on)).body.code;
    expect(await closed(host)).toBe('E_MEMBERSHIP');
    await until(
      () => closed(beside),
      (code) => code === 'E_MEMBERSHIP',
    );
    expect((await host.show('acme/members')).state).toBe('quarantined');
    await beside.shutdown();
    await beside.boot();
    expect(await closed(beside)).toBe('E_MEMBERSHIP');
    expect((await beside.ask('GET', '/x/acme/echo/context')).status).toBe(200);
    await host.operate('acme/members', 'disable');
    expect((await contextOf('t_acme')).body.membership.roles).toEqual(['user']);
    await until(
      () => contextOf('t_acme', {}, beside),
      ({ status }) => status === 200,
    );
  });
});
