import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author, type ExtensionSource } from '../../support/author.ts';
import { type Answer, TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const admin = { name: 'database.admin', reason: 'Makes databases, or watches over them.' };
const limits = { wallMs: 30_000 };

const maker = (name: string, capabilities: object[]): ExtensionSource => ({
  manifest: serving(name, ['POST /databases', 'GET /databases'], { capabilities, limits }),
  code: `export default { endpoints: {
    'POST /databases': async (request, ctx) => ({ status: 201, body: await ctx.db.createDatabase(request.body) }),
    'GET /databases': async (_request, ctx) => ({ body: await ctx.db.listDatabases() }),
  } };`,
});

/** Is against what is called forbidden, and chooses what databases begin with. */
const WARDEN: ExtensionSource = {
  manifest: serving('warden', ['GET /told'], {
    capabilities: [admin, { name: 'database.read', reason: 'Is told.' }],
    contributes: {
      hooks: [
        'before_db_create',
        'on_extension_profile_select',
        'after_db_create',
        'before_migration',
        'after_migration',
        'on_rls_policy_create',
        'on_pitr_checkpoint',
      ].map((hook) => ({ hook: `magds.${hook}` })),
    },
  }),
  code: `
    const no = (code, message) => { throw Object.assign(new Error(message), { code }); };
    const note = (name) => async (value, ctx) => { await ctx.state.set('told:' + name, value); };
    export default {
      endpoints: { 'GET /told': async (_request, ctx) => ({ body: Object.fromEntries((await ctx.state.list({ prefix: 'told:' })).map((e) => [e.key.slice(5), e.value])) }) },
      hooks: {
        'magds.before_db_create': async ({ database, by }) => { if (database.startsWith('forbidden')) no('BAD_NAME', by + ' may not.'); },
        'magds.on_extension_profile_select': async (profile) => ({ ...profile, extensions: [...profile.extensions, 'citext'] }),
        'magds.after_db_create': note('created'),
        'magds.before_migration': async ({ migrations }) => { if (migrations.some((name) => name.includes('frozen'))) no('FROZEN', 'No changes now.'); },
        'magds.after_migration': note('migrated'),
        'magds.on_rls_policy_create': async (policy) => policy.using === 'true' ? no('TOO_WIDE', 'Name the tenant.') : { ...policy, permissive: false },
        'magds.on_pitr_checkpoint': note('marked'),
      },
    };`,
};

describe('databases and extensions', () => {
  let host: TestHost;
  let author: Author;
  let acme: string;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(WARDEN));
    await host.run(await author.publish(maker('maker', [admin])));
    acme = (await host.ask('POST', '/v1/tokens', { body: { name: 'a', role: 'owner', tenant: 't_acme' } }))
      .body.token;
    const project = { id: 'shop', name: 'Shop', tenant: 't_acme' };
    expect((await host.ask('POST', '/v1/projects', { body: project })).status).toBe(201);
  });
  afterAll(async () => {
    for (const { name, state } of (await host.ask('GET', '/v1/projects/shop/databases')).body.databases)
      if (state === 'ready') await host.ask('DELETE', `/v1/projects/shop/databases/${name}`);
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const make = (body: object, name = 'maker'): Promise<Answer> =>
    host.ask('POST', `/x/acme/${name}/databases`, { body, token: acme });
  const told = (name: string) =>
    until(
      async () => (await host.ask('GET', '/x/acme/warden/told')).body[name],
      (value) => value !== undefined,
    );

  it('are made by an extension that may, in the project of its tenant', async () => {
    const made = await make({ name: 'orders' });
    expect([made.status, made.body]).toMatchObject([201, { project: 'shop', name: 'orders' }]);
    const listed = await host.ask('GET', '/x/acme/maker/databases', { token: acme });
    expect(listed.body).toEqual([made.body]);
    const { body } = await host.ask('GET', '/v1/projects/shop/databases/orders');
    expect(body).toMatchObject({ createdBy: 'acme/maker', extensions: ['citext'], state: 'ready' });
    const elsewhere = await make({ name: 'orders', project: 'default' });
    expect([elsewhere.status, elsewhere.body.code]).toEqual([404, 'E_NOT_FOUND']);
    expect((await make({ name: 'orders' })).body.code).toBe('E_EXISTS');
    expect((await make({ name: 'Robert"; DROP' })).body.code).toBe('E_PARAMS');
  });

  it('are not made when another extension is against it, whoever asks', async () => {
    const byExtension = await make({ name: 'forbidden_one' });
    expect([byExtension.status, byExtension.body.code]).toEqual([403, 'E_VETO']);
    const body = { name: 'forbidden_two' };
    const byOperator = await host.ask('POST', '/v1/projects/shop/databases', { body });
    expect([byOperator.status, byOperator.body.code, byOperator.body.veto]).toEqual([
      403,
      'BAD_NAME',
      { extension: 'acme/warden', hook: 'magds.before_db_create' },
    ]);
    const { databases } = (await host.ask('GET', '/v1/projects/shop/databases')).body;
    expect(databases.map(({ name }: { name: string }) => name)).toEqual(['orders']);
    const { records } = (await host.ask('GET', '/v1/audit?action=database.create')).body;
    expect(records[0]).toMatchObject({ outcome: 'refused', detail: { code: 'E_VETO' } });
  });

  it('are not made by an extension that may not', async () => {
    await host.run(await author.publish(maker('hopeful', [admin])), ['api.register_endpoint']);
    expect((await make({ name: 'hopes' }, 'hopeful')).body.code).toBe('E_CAP_REVOKED');
    await host.run(await author.publish(maker('sly', [])));
    expect((await make({ name: 'lies' }, 'sly')).body.code).toBe('E_CAP_UNDECLARED');
    expect((await host.show('acme/sly')).state).toBe('quarantined');
  });

  it('are migrated by operators, unless an extension is against it', async () => {
    const migrate = (name: string) =>
      host.ask('POST', '/v1/projects/shop/migrations', {
        body: { database: 'orders', name, sql: `CREATE TABLE public.t_${name} (tenant text)` },
      });
    expect((await migrate('0001_orders')).status).toBe(201);
    const refused = await migrate('0002_frozen');
    expect([refused.status, refused.body.code]).toEqual([403, 'FROZEN']);
    const page = await host.ask('GET', '/v1/projects/shop/migrations?database=orders&limit=1');
    expect(page.body).toMatchObject({ migrations: [{ name: '0001_orders' }], next: null });
    expect(await told('migrated')).toMatchObject({
      project: 'shop',
      extension: null,
      migration: '0001_orders',
    });
  });

  it('of the host have tables that operators make, and extensions may read when they are granted', async () => {
    await host.run(
      await author.publish({
        manifest: serving('reader', ['GET /prices'], {
          capabilities: [{ name: 'database.read', reason: 'Reads.', scope: { tables: ['public.prices'] } }],
        }),
        code: `export default { endpoints: { 'GET /prices': async (_request, ctx) => ({ body: (await ctx.db.query('select * from public.prices')).rows }) } };`,
      }),
    );
    expect((await host.ask('GET', '/x/acme/reader/prices')).body.code).toBe('E_DB');
    const sql = "CREATE TABLE prices (item text); INSERT INTO prices VALUES ('tea')";
    const body = { name: '0001_prices', sql };
    expect((await host.ask('POST', '/v1/projects/default/migrations', { body })).status).toBe(201);
    expect((await host.ask('GET', '/x/acme/reader/prices')).body).toEqual([{ item: 'tea' }]);
  });

  it('have policies as an extension wants them', async () => {
    const policy = (using: string) =>
      host.ask('POST', '/v1/projects/shop/policies', {
        body: { database: 'orders', table: 'public.t_0001_orders', name: 'own', using },
      });
    expect((await policy('true')).body).toMatchObject({ code: 'TOO_WIDE', detail: 'Name the tenant.' });
    const made = await policy("tenant = current_setting('mag.tenant', true)");
    expect([made.status, made.body.permissive]).toEqual([201, false]);
    const { policies } = (await host.ask('GET', '/v1/projects/shop/policies?database=orders')).body;
    expect(policies).toMatchObject([{ table: 'public.t_0001_orders', name: 'own', permissive: false }]);
  });

  it('tell of restore points', async () => {
    const made = await host.ask('POST', '/v1/projects/shop/restore-points', {
      body: { name: 'before-sale' },
    });
    expect([made.status, made.body.degraded]).toEqual([201, expect.stringContaining('archive_mode')]);
    expect(await told('marked')).toMatchObject({ project: 'shop', name: 'before-sale', lsn: made.body.lsn });
  });

  it('keep an extension from being installed whose migration another is against', async () => {
    const signed = await author.publish({
      manifest: {
        name: 'changer',
        capabilities: [{ name: 'database.read', reason: 'Reads.' }],
        migrations: 'migrations',
      },
      code: 'export default {};',
      files: { 'migrations/0001_frozen.up.sql': 'CREATE TABLE a (id int);' },
    });
    await host.stage(signed);
    const { body } = await host.operate(signed.id, 'install', { version: '1.0.0', approve: 'all' });
    expect([body.state, body.error.code, body.error.detail]).toEqual([
      'rolled_back',
      'E_VETO',
      'No changes now.',
    ]);
  });

  it('are of no use to whoever is no operator', async () => {
    const asked = await host.ask('GET', '/v1/projects', { token: acme });
    expect([asked.status, asked.body.code]).toEqual([403, 'E_FORBIDDEN']);
  });
});

describe('the tenant of a request, in the database', () => {
  let host: TestHost;
  let author: Author;
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    const endpoint = (sql: string, then = '') =>
      `async (request, ctx) => { const run = (on) => on.query(${sql}, request.body ?? []);
        return { body: (await (request.query.tx ? ctx.db.transaction(run) : run(ctx.db))).rows${then} }; }`;
    await host.run(
      await author.publish({
        manifest: serving('rows', ['GET /rows', 'POST /rows', 'PUT /rows', 'POST /sql'], {
          capabilities: [
            { name: 'database.read', reason: 'Reads.' },
            { name: 'database.write', reason: 'Writes.' },
          ],
          migrations: 'migrations',
        }),
        code: `export default { endpoints: {
          'GET /rows': ${endpoint("'select tenant, line from rows order by line'")},
          'POST /rows': ${endpoint("'insert into rows values ($1, $2)'")},
          'PUT /rows': ${endpoint("'update rows set tenant = $1, line = $2 returning line'")},
          'POST /sql': async (request, ctx) => {
            const run = (on) => on.query(request.body.sql).then(() => 'ran', (error) => error.code);
            return { body: [await run(ctx.db), await ctx.db.transaction(run).catch((error) => error.code)] };
          },
        } };`,
        files: {
          'migrations/0001_rows.up.sql': `CREATE TABLE rows (tenant text NOT NULL, line text);
            ALTER TABLE rows ENABLE ROW LEVEL SECURITY; ALTER TABLE rows FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON rows USING (tenant = current_setting('mag.tenant', true));`,
          'migrations/0001_rows.down.sql': 'DROP TABLE rows;',
        },
      }),
    );
    for (const tenant of ['t_a', 't_b']) {
      const { body } = await host.ask('POST', '/v1/tokens', {
        body: { name: tenant, role: 'owner', tenant },
      });
      tokens.set(tenant, body.token);
    }
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const ask = (tenant: string, method: string, path: string, body?: unknown) =>
    host.ask(method, `/x/acme/rows${path}`, { token: tokens.get(tenant) ?? '', body });

  it.each(['', '?tx=1'])('decides what is read, written and changed, with /rows%s', async (tx) => {
    const line = (tenant: string) => `${tenant}${tx}`;
    for (const tenant of ['t_a', 't_b'])
      expect((await ask(tenant, 'POST', `/rows${tx}`, [tenant, line(tenant)])).status).toBe(200);
    const foreign = await ask('t_a', 'POST', `/rows${tx}`, ['t_b', 'smuggled']);
    expect([foreign.status, foreign.body.code]).toEqual([400, 'E_DB']);
    const seen = (await ask('t_a', 'GET', `/rows${tx}`)).body;
    expect(new Set(seen.map(({ tenant }: { tenant: string }) => tenant))).toEqual(new Set(['t_a']));
    const given = await ask('t_a', 'PUT', `/rows${tx}`, ['t_b', 'given away']);
    expect(given.body.code).toBe('E_DB');
    const changed = await ask('t_a', 'PUT', `/rows${tx}`, ['t_a', line('t_a')]);
    expect(changed.body.length).toBe(seen.length);
    const { rows } = await host.database.pool.query(
      "SELECT line FROM ext_acme_rows.rows WHERE tenant = 't_b' ORDER BY line DESC LIMIT 1",
    );
    expect(rows).toEqual([{ line: line('t_b') }]);
  });

  it.each([
    "select set_config('mag.tenant', 't_b', true)",
    "select pg_catalog.set_config('mag.tenant', 't_b', false)",
    "set local mag.tenant = 't_b'",
    "with x as (select set_config('mag.tenant', 't_b', true)) select * from rows, x",
    'reset mag.tenant',
    'alter table rows disable row level security',
  ])('is not changed by %s', async (sql) => {
    const [plain, inTransaction] = (await ask('t_a', 'POST', '/sql', { sql })).body;
    expect(plain).toBe('E_SQL_FORBIDDEN');
    expect(inTransaction).toBe('E_SQL_FORBIDDEN');
  });
});
