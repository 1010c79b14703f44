import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { publishExample } from '../../support/example.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const PAGE = '<!doctype html><title>x</title>';

/** Frames for several roles, and endpoints that say who asks. */
const STRANGER = {
  manifest: serving('stranger', ['GET /who', 'POST /echo', 'GET /owner owner'], {
    capabilities: [
      ...['ui.register_widget', 'ui.register_panel', 'ui.modify_schema'].map((name) => ({
        name,
        reason: 'Shows things.',
      })),
      { name: 'auth.register_provider', reason: 'Logs in.', scope: { tenants: ['t_acme'] } },
    ],
    contributes: {
      panels: [{ name: 'open', title: 'Open', page: 'ui/a.html' }],
      widgets: [{ name: 'closed', title: 'Closed', page: 'ui/a.html', auth: 'owner' }],
      explorers: [{ name: 'tables', title: 'Tables', page: 'ui/a.html' }],
      providers: [{ name: 'anybody', kind: 'sso', title: 'Anybody', tenant: 't_acme', roles: ['staff'] }],
      hooks: [
        { hook: 'magui.on_user_action' },
        { hook: 'magui.before_project_create' },
        { hook: 'magui.after_schema_change' },
      ],
    },
  }),
  files: { 'ui/a.html': PAGE, 'ui/b.exe.txt': 'x', 'ui/deep/c.js': 'export {};' },
  code: `const keep = (name) => async (value, ctx) => { await ctx.state.set(name, value); };
  export default {
    providers: { anybody: ({ username }) => ({ subject: username, name: username, roles: ['staff'] }) },
    endpoints: {
      'GET /who': async (request, ctx) => ({ body: { tenant: ctx.request.tenantId, query: request.query, name: ctx.request.principal.name } }),
      'POST /echo': async ({ body }) => ({ status: 201, body }),
      'GET /owner': async () => ({ body: 'yes' }),
    },
    hooks: {
      'magui.on_user_action': (action, ctx) => ctx.log.info('acted', action),
      'magui.before_project_create': ({ project }) => {
        if (project === 'taboo') throw Object.assign(new Error('Not that one.'), { code: 'TABOO' });
      },
      'magui.after_schema_change': (change, ctx) => ctx.log.info('changed', change),
    },
  };`,
};

describe('what extensions add to the console', () => {
  let host: TestHost;
  let author: Author;
  let example: Author;
  let user = '';

  beforeAll(async () => {
    [host, author, example] = await Promise.all([
      TestHost.start({ MAG_CONSOLES: 'https://console.example.com' }),
      Author.create('acme'),
      Author.create('example'),
    ]);
    await host.trust(author);
    await host.trust(example);
    await host.run(await author.publish(STRANGER));
    await host.run(await publishExample('pinboard', example, host));
    const body = { name: 'Ada', role: 'user', tenant: 't_acme' };
    user = (await host.ask('POST', '/v1/tokens', { body })).body.token;
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await example[Symbol.asyncDispose]();
  });

  const frames = async (token = host.token) => (await host.ask('GET', '/v1/ui', { token })).body;
  const call = (frame: string, body: object, token = user) =>
    host.ask('POST', `/v1/ui/acme/stranger/${frame}/call`, { token, body });
  const logged = (message: string) =>
    until(
      async () => {
        const { body } = await host.ask('GET', '/v1/extensions/acme/stranger/logs');
        return body.lines.filter((line: { message: string }) => line.message === message);
      },
      (lines) => lines.length > 0,
    );

  it('is listed for those it is for', async () => {
    const all = await frames();
    expect(all.panels.map(({ title }: { title: string }) => title).sort()).toEqual(['Open', 'Pinboard']);
    expect(all.widgets.map(({ name }: { name: string }) => name).sort()).toEqual(['closed', 'count']);
    expect(all.explorers).toMatchObject([{ extension: 'acme/stranger', name: 'tables' }]);
    expect((await frames(user)).widgets.map(({ name }: { name: string }) => name)).toEqual(['count']);
    expect((await host.ask('GET', '/v1/ui', { token: null })).status).toBe(401);
  });

  it('is served from a path of its own, where it can reach nothing', async () => {
    const [{ src }] = (await frames()).explorers;
    const { status, headers, body } = await host.ask('GET', src, { token: null });
    expect([status, body]).toEqual([200, PAGE]);
    const own = `${new URL(host.url).host}${src.slice(0, src.indexOf('ui/a.html'))}`;
    const policy = headers.get('content-security-policy')?.split('; ') ?? [];
    expect(policy).toContain('sandbox allow-scripts allow-forms');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'none'");
    expect(policy).toContain(`script-src ${own} ${new URL(host.url).host}/ui/frame.js`);
    expect(policy).toContain(`frame-ancestors ${new URL(host.url).host} https://console.example.com`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('set-cookie')).toBeNull();
    expect((await host.ask('GET', src.replace('ui/a.html', 'ui/deep/c.js'), { token: null })).status).toBe(
      200,
    );
  });

  it('is nothing but what is below ui/ in the package that runs', async () => {
    const [{ src }] = (await frames()).explorers;
    const mount = src.slice(0, src.indexOf('ui/a.html'));
    for (const path of [
      ...['manifest.json', 'dist/index.js', 'ui/../manifest.json', 'ui/%2e%2e/manifest.json', 'ui/b.exe.txt'],
      ...['ui/', 'ui', 'ui//a.html', 'ui/a.html/', 'ui/A.html', 'ui/nothing.html', '%75i/../dist/index.js'],
      ...['ui/..%2fmanifest.json', 'ui/a.html%00.js', 'ui%5ca.html'],
    ]) {
      const { status } = await host.ask('GET', mount + path, { token: null });
      expect([path, status]).toEqual([path, expect.toBeOneOf([400, 404])]);
    }
    const other = src.replace(/\/[0-9a-f]{64}\//, `/${'0'.repeat(64)}/`);
    expect((await host.ask('GET', other, { token: null })).status).toBe(404);
  });

  it('calls endpoints of its own extension, as whoever looks at it', async () => {
    const who = await call('open', { method: 'GET', path: '/who?a=1' });
    expect(who.body).toEqual({ status: 200, body: { tenant: 't_acme', query: { a: '1' }, name: 'Ada' } });
    const echo = await call('open', { method: 'POST', path: '/echo', body: { text: 'ü' } });
    expect(echo.body).toEqual({ status: 201, body: { text: 'ü' } });
    const owner = await call('open', { method: 'GET', path: '/owner' });
    expect(owner.body).toMatchObject({ status: 403, body: { code: 'E_FORBIDDEN' } });
    const foreign = await call('open', { method: 'POST', path: '/echo', body: { tenant_id: 't_other' } });
    expect(foreign.body).toMatchObject({ status: 403, body: { code: 'E_FORBIDDEN' } });
  });

  it('calls them for who has a session in a cookie, and for no page of another site', async () => {
    const logIn = '/auth/login/acme/stranger/anybody';
    const made = await host.ask('POST', logIn, {
      token: null,
      body: { username: 'Bob', credentials: null },
    });
    expect(made.status).toBe(201);
    const cookie = `mag_session=${made.body.token}`;
    const asked = (origin: string) =>
      host.ask('POST', '/v1/ui/acme/stranger/open/call', {
        token: null,
        headers: { cookie, origin },
        body: { method: 'POST', path: '/echo', body: { text: 'x' } },
      });
    expect((await asked(host.url)).body).toEqual({ status: 201, body: { text: 'x' } });
    expect((await asked('https://evil.example')).body.code).toBe('E_FORBIDDEN');
  });

  it.each([
    '/../../../v1/tokens',
    '/%2e%2e/%2e%2e/%2e%2e/v1/tokens',
    '/..%2f..%2f..%2fv1/tokens',
    '/../../example/pinboard/pins',
    '//evil.test/x',
    '/\\..\\..\\v1',
    'http://evil.test/',
    '',
  ])('calls nothing else: %j', async (path) => {
    const { status, body } = await call('open', { method: 'GET', path }, host.token);
    const answered = status === 200 ? body.status : status;
    expect(answered).toBeOneOf([400, 404]);
  });

  it('is only called from frames there are, by those they are for', async () => {
    const asked = { method: 'GET', path: '/who' };
    expect((await call('absent', asked)).body.code).toBe('E_NOT_FOUND');
    expect((await call('closed', asked)).body.code).toBe('E_FORBIDDEN');
    expect((await call('closed', asked, host.token)).status).toBe(200);
    expect((await call('open', { method: 'TRACE', path: '/who' })).status).toBe(400);
  });

  it('is put on record, and told to who taps it', async () => {
    await call('open', { method: 'GET', path: '/who?secret=1' });
    const [line] = await logged('acted');
    expect(line.fields).toMatchObject({ extension: 'acme/stranger', frame: 'open', tenant: 't_acme' });
    expect(JSON.stringify(line.fields)).not.toContain('secret');
    const { body } = await host.ask('GET', '/v1/audit?action=ui.action&limit=1');
    expect(body.records[0]).toMatchObject({
      tenant: 't_acme',
      target: 'acme/stranger',
      detail: { frame: 'open', call: 'GET /who' },
    });
  });

  it('has a say when projects are made, and learns of changes to schemas', async () => {
    const refused = await host.ask('POST', '/v1/projects', { body: { id: 'taboo' } });
    expect([refused.status, refused.body.code]).toEqual([403, 'TABOO']);
    expect((await host.ask('POST', '/v1/projects', { body: { id: 'shop' } })).status).toBe(201);
    await host.ask('POST', '/v1/projects/shop/databases', { body: { name: 'main' } });
    const body = {
      database: 'main',
      name: '0001_things',
      sql: 'create table public.things (id int primary key)',
    };
    const migrated = await host.ask('POST', '/v1/projects/shop/migrations', { body });
    expect([migrated.status, migrated.body]).toEqual([201, expect.anything()]);
    const [line] = await logged('changed');
    expect(line.fields).toMatchObject({ project: 'shop', database: 'main', change: 'migration' });
  });

  it('is gone with its extension', async () => {
    const [{ src }] = (await frames()).explorers;
    await host.operate('acme/stranger', 'disable');
    expect((await host.ask('GET', src, { token: null })).status).toBe(404);
    expect((await frames()).explorers).toEqual([]);
    expect((await call('open', { method: 'GET', path: '/who' })).body.code).toBe('E_NOT_FOUND');
  });
});
