import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { Browser } from '../../../support/browser.ts';
import { TestHost } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';
import { CLIENT, OidcIdp } from '../../../support/oidc-idp.ts';
import { serving } from '../../../support/sources.ts';

let host: TestHost;
let author: Author;
let idp: OidcIdp;

const callback = (name: string) => `${host.url}/auth/callback/acme/corp/${name}`;

beforeAll(async () => {
  [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
  await host.trust(author);
  idp = await OidcIdp.start(['main', 'closed', 'wrong'].map(callback));
  idp.people.set('ada', { name: 'Ada', email: 'ada@example.com', groups: 'staff' });
  idp.people.set('eve', { name: 'Eve', groups: 'owners' });
  const provider = (name: string, more: object = {}) => ({
    name,
    kind: 'oidc',
    title: 'The company',
    tenant: 't_acme',
    issuer: idp.issuer,
    clientId: CLIENT.id,
    secret: 'CLIENT_SECRET',
    ...more,
  });
  await host.run(
    await author.publish({
      manifest: serving('corp', ['GET /me'], {
        capabilities: [
          { name: 'auth.register_provider', reason: 'Logs in.', scope: { tenants: ['t_acme'] } },
          { name: 'network.outbound', reason: 'Asks the provider.', scope: { origins: [idp.issuer] } },
          { name: 'system.secrets', reason: 'Is a client.' },
        ],
        secrets: ['CLIENT_SECRET', 'WRONG_SECRET'].map((name) => ({ name, reason: 'Is a client.' })),
        contributes: {
          providers: [
            provider('main', {
              scopes: ['openid', 'profile', 'email', 'groups'],
              roles: ['staff'],
              map: true,
            }),
            provider('closed', { issuer: 'http://127.0.0.1:1' }),
            provider('wrong', { secret: 'WRONG_SECRET' }),
          ],
        },
      }),
      code: `export default {
        providers: { main: ({ claims }) => ({ roles: [claims.groups] }) },
        endpoints: { 'GET /me': (_request, ctx) => ({ body: ctx.request }) },
      };`,
    }),
  );
  const env = { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir };
  for (const [name, value] of [
    ['CLIENT_SECRET', CLIENT.secret],
    ['WRONG_SECRET', 'guessed'],
  ] as const) {
    const set = ['secret:set', name, '--extension', 'acme/corp'];
    expect((await runMag(set, { env, cwd: host.dataDir, stdin: value })).exitCode).toBe(0);
  }
});
afterAll(async () => {
  await idp[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
});

async function begin(browser: Browser, name = 'main', path = '/x/acme/corp/me'): Promise<string> {
  const begun = await browser.open(
    `${host.url}/auth/login/acme/corp/${name}?return=${encodeURIComponent(path)}`,
  );
  expect([begun.status, await begun.text()]).toEqual([303, '']);
  return begun.headers.get('location') ?? '';
}

async function codeOf(response: Response): Promise<string> {
  return response.status === 303 ? 'accepted' : ((await response.json()) as { code: string }).code;
}

describe('a login at an OpenID Connect provider', () => {
  it('is listed for whoever wants to log in', async () => {
    const { body } = await host.ask('GET', '/auth/providers', { token: null });
    expect(body.providers).toContainEqual({
      id: 'acme/corp#main',
      kind: 'oidc',
      title: 'The company',
      tenant: 't_acme',
      login: '/auth/login/acme/corp/main',
    });
    const { contributions } = await host.show('acme/corp');
    expect(contributions).toMatchObject({
      oidcProviders: [{ name: 'main' }, {}, {}],
      samlProviders: [],
      ssoProviders: [],
    });
  });

  it('uses the code flow with PKCE, state and nonce, and ends in a session', async () => {
    const browser = new Browser();
    const location = await begin(browser);
    const asked = Object.fromEntries(new URL(location).searchParams);
    expect(asked).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^.{43}$/),
      nonce: expect.stringMatching(/^.{43}$/),
      state: expect.stringMatching(/^.{43}$/),
      redirect_uri: callback('main'),
    });
    const back = await idp.signIn(browser, location, 'ada');
    const { url, response } = await browser.follow(back.href);
    expect(url.pathname).toBe('/x/acme/corp/me');
    expect(await response.json()).toMatchObject({
      tenantId: 't_acme',
      principal: { name: 'Ada', role: 'staff' },
      membership: { roles: ['staff'] },
    });
    expect(await codeOf(await browser.open(back.href))).toBe('E_LOGIN_REPLAYED');
    const { body } = await host.ask('GET', '/v1/users');
    expect(body.users).toMatchObject([{ name: 'Ada', email: 'ada@example.com', tenant: 't_acme' }]);
    const { rows } = await host.database.pool.query('SELECT * FROM mag.sessions');
    expect(JSON.stringify(rows)).not.toContain(browser.cookie(host.url, 'mag_session')?.split('_')[2]);
  });

  it('is for the browser that began it', async () => {
    const [ours, theirs] = [new Browser(), new Browser()];
    const back = await idp.signIn(ours, await begin(ours), 'ada');
    expect(await codeOf(await theirs.open(back.href))).toBe('E_LOGIN_STATE');
    await begin(theirs);
    expect(await codeOf(await theirs.open(back.href))).toBe('E_LOGIN_STATE');
    expect(await codeOf(await ours.open(back.href))).toBe('accepted');
  });

  it.each<[string, string, (back: URL) => void]>([
    ['another state', 'E_LOGIN_STATE', (back) => back.searchParams.set('state', 'another')],
    ['a code that is none', 'E_LOGIN_REFUSED', (back) => back.searchParams.set('code', 'none')],
    ['another issuer', 'E_LOGIN_PROVIDER', (back) => back.searchParams.set('iss', 'https://other.example')],
    [
      'the provider saying no',
      'E_LOGIN_REFUSED',
      (back) => {
        back.searchParams.delete('code');
        back.searchParams.set('error', 'access_denied');
      },
    ],
  ])('is refused with %s', async (_what, code, change) => {
    const browser = new Browser();
    const back = await idp.signIn(browser, await begin(browser), 'ada');
    change(back);
    expect(await codeOf(await browser.open(back.href))).toBe(code);
    expect(browser.cookie(host.url, 'mag_session')).toBeUndefined();
  });

  it('gives no role that the manifest does not list', async () => {
    const browser = new Browser();
    const back = await idp.signIn(browser, await begin(browser), 'eve');
    expect(await codeOf(await browser.open(back.href))).toBe('E_LOGIN_REFUSED');
  });

  it('does not lead elsewhere', async () => {
    const elsewhere = ['https://evil.example/', '//evil.example/', '/\\evil.example/', 'evil'];
    const hidden = [
      '/..//evil.example/',
      '/.//evil.example/',
      '/a/..//evil.example',
      '/%2e%2e//evil.example',
    ];
    for (const path of [...elsewhere, ...hidden]) {
      const url = `${host.url}/auth/login/acme/corp/main?return=${encodeURIComponent(path)}`;
      expect([path, await codeOf(await new Browser().open(url))]).toEqual([path, 'E_BAD_REQUEST']);
    }
  });

  it('asks the provider only where the extension may', async () => {
    const login = async (name: string) =>
      codeOf(await new Browser().open(`${host.url}/auth/login/acme/corp/${name}`));
    expect(await login('closed')).toBe('E_CAP_SCOPE');
    expect(await login('missing')).toBe('E_NOT_FOUND');
    const grant = '/v1/extensions/acme/corp/grants/auth.register_provider';
    await host.ask('DELETE', grant);
    const browser = new Browser();
    const back = await idp.signIn(browser, await begin(browser), 'ada');
    expect(await codeOf(await browser.open(back.href))).toBe('E_CAP_REVOKED');
    await host.ask('PUT', grant, { body: { scope: { tenants: ['t_acme'] } } });
  });

  it('fails for a client that the provider does not know', async () => {
    const browser = new Browser();
    const back = await idp.signIn(browser, await begin(browser, 'wrong'), 'ada');
    expect(await codeOf(await browser.open(back.href))).toBe('E_LOGIN_PROVIDER');
  });

  it('is on record, refused ones too', async () => {
    const { body } = await host.ask('GET', '/v1/audit?action=auth.login');
    expect(body.records[0]).toMatchObject({
      principal: expect.stringMatching(/^user:/),
      tenant: 't_acme',
      outcome: 'ok',
      detail: { provider: 'acme/corp#main', roles: ['staff'] },
    });
    const denied = await host.ask('GET', '/v1/audit?action=auth.denied');
    expect(denied.body.records).toContainEqual(
      expect.objectContaining({
        principal: 'anonymous',
        target: 'GET /auth/callback/:publisher/:name/:provider',
        detail: expect.objectContaining({ code: 'E_LOGIN_REFUSED' }),
      }),
    );
  });
});
