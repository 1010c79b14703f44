import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { Browser } from '../../../support/browser.ts';
import { TestHost } from '../../../support/host.ts';
import { SamlIdp } from '../../../support/saml-idp.ts';
import { serving } from '../../../support/sources.ts';

let host: TestHost;
let other: TestHost;
let author: Author;
let idp: SamlIdp;

const provider = (name: string, more: object = {}) => ({
  name,
  kind: 'saml',
  title: 'The company',
  tenant: 't_acme',
  idpEntityId: idp.entityId,
  entryPoint: idp.entryPoint,
  certificates: [idp.certificate],
  ...more,
});

beforeAll(async () => {
  [host, author, idp] = await Promise.all([TestHost.start(), Author.create('acme'), SamlIdp.create()]);
  await host.trust(author);
  other = await host.startBeside();
  await host.run(
    await author.publish({
      manifest: serving('corp', ['GET /me', 'GET /staff staff'], {
        capabilities: [
          { name: 'auth.register_provider', reason: 'Logs in.', scope: { tenants: ['t_acme'] } },
        ],
        contributes: {
          providers: [provider('main', { roles: ['staff'], map: true }), provider('plain')],
        },
      }),
      code: `export default {
        providers: { main: ({ subject, claims }) => {
          if (subject === 'evil') throw Object.assign(new Error('Not you.'), { code: 'NOT_WELCOME' });
          return { name: claims.displayName, roles: claims.groups === 'admins' ? ['owner'] : ['staff'] };
        } },
        endpoints: {
          'GET /me': (_request, ctx) => ({ body: ctx.request }),
          'GET /staff': () => ({ body: 'staff only' }),
        },
      };`,
    }),
  );
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
});

async function begin(browser: Browser, name = 'main') {
  const begun = await browser.open(`${host.url}/auth/login/acme/corp/${name}?return=/x/acme/corp/me`);
  expect(begun.status).toBe(303);
  return idp.read(begun.headers.get('location') ?? '');
}

/** Posts an answer from the site of the provider: the browser sends no cookies along. */
function answer(browser: Browser, acs: string, SAMLResponse: string, RelayState: string) {
  return browser.post(acs, { SAMLResponse, RelayState }, { withCookies: false });
}

async function codeOf(response: Response): Promise<string> {
  return response.status === 303 ? 'accepted' : ((await response.json()) as { code: string }).code;
}

describe('a login at a SAML provider', () => {
  it('ends in a session of a principal with the roles that its extension gave', async () => {
    const browser = new Browser();
    const asked = await begin(browser);
    expect(asked.acs).toBe(`${host.url}/auth/saml/acme/corp/main/acs`);
    const signed = idp.sign(idp.assertion({ ...asked, nameId: 'ada', attributes: { displayName: 'Ada' } }));
    const posted = await answer(browser, asked.acs, idp.response(signed, asked), asked.relayState);
    expect(posted.status).toBe(303);
    const { url, response } = await browser.follow(
      new URL(posted.headers.get('location') ?? '', host.url).href,
    );
    expect(url.pathname).toBe('/x/acme/corp/me');
    expect(await response.json()).toMatchObject({
      tenantId: 't_acme',
      principal: { id: expect.stringMatching(/^user:[0-9a-f]{16}$/), name: 'Ada', role: 'staff' },
      membership: { tenantId: 't_acme', roles: ['staff'] },
    });
    expect(await (await browser.open(`${host.url}/x/acme/corp/staff`)).text()).toBe('staff only');
    const again = await browser.open(
      url.href.replace('/x/acme/corp/me', `/auth/finish?state=${asked.relayState}`),
    );
    expect(await codeOf(again)).toBe('E_LOGIN_REPLAYED');
  });

  it('is for the browser that began it, and no other', async () => {
    const asked = await begin(new Browser());
    const signed = idp.sign(idp.assertion({ ...asked, nameId: 'ada' }));
    const posted = await answer(new Browser(), asked.acs, idp.response(signed, asked), asked.relayState);
    const finish = new URL(posted.headers.get('location') ?? '', host.url).href;
    expect(await codeOf(await new Browser().open(finish))).toBe('E_LOGIN_STATE');
  });

  it('gives no role that the manifest does not list, and none to whom its extension refuses', async () => {
    for (const [nameId, groups] of [
      ['greedy', 'admins'],
      ['evil', 'staff'],
    ] as const) {
      const browser = new Browser();
      const asked = await begin(browser);
      const signed = idp.sign(idp.assertion({ ...asked, nameId, attributes: { groups } }));
      const posted = await answer(browser, asked.acs, idp.response(signed, asked), asked.relayState);
      const finished = await browser.open(new URL(posted.headers.get('location') ?? '', host.url).href);
      expect(await codeOf(finished)).toBe('E_LOGIN_REFUSED');
      expect(browser.cookie(host.url, 'mag_session')).toBeUndefined();
    }
  });

  it('shows what a provider is configured with', async () => {
    const metadata = await host.ask('GET', '/auth/saml/acme/corp/main/metadata', { token: null });
    expect(metadata.body).toContain(`Location="${host.url}/auth/saml/acme/corp/main/acs"`);
  });
});

describe('an answer that is refused', () => {
  type Asked = Awaited<ReturnType<typeof begin>>;
  const evil = (asked: Asked) => idp.assertion({ ...asked, nameId: 'mallory' });
  const good = (asked: Asked, more: object = {}) =>
    idp.sign(idp.assertion({ ...asked, nameId: 'ada', ...more }));
  const inside = (xml: string, place: RegExp, more: string) => xml.replace(place, (tag) => `${more}${tag}`);

  const cases: readonly [what: string, code: string, make: (asked: Asked) => string][] = [
    ['is not signed', 'E_LOGIN_SIGNATURE', (asked) => idp.response(evil(asked), asked)],
    [
      'is signed by somebody else',
      'E_LOGIN_SIGNATURE',
      (asked) => idp.response(stranger.sign(idp.assertion({ ...asked, nameId: 'ada' })), asked),
    ],
    [
      'was changed after it was signed',
      'E_LOGIN_SIGNATURE',
      (asked) => idp.response(good(asked).replace('>ada<', '>mallory<'), asked),
    ],
    [
      'is signed with SHA-1',
      'E_LOGIN_SIGNATURE',
      (asked) => idp.response(idp.sign(evil(asked), 'sha1'), asked),
    ],
    [
      'puts another assertion before the signed one (wrapping)',
      'E_LOGIN_SIGNATURE',
      (asked) => idp.response(evil(asked) + good(asked), asked),
    ],
    [
      'puts another assertion behind the signed one (wrapping)',
      'E_LOGIN_SIGNATURE',
      (asked) => idp.response(good(asked) + evil(asked), asked),
    ],
    [
      'hides the signed one inside of another (wrapping)',
      'E_LOGIN_SIGNATURE',
      (asked) => idp.response(inside(evil(asked), /<saml:Subject>/, `<x>${good(asked)}</x>`), asked),
    ],
    [
      'hides the signed one in the signature of another (wrapping)',
      'E_LOGIN_SIGNATURE',
      (asked) => {
        const signed = good(asked);
        const [signature = ''] = /<Signature.*<\/Signature>/s.exec(signed) ?? [];
        const carrying = signature.replace(
          '</Signature>',
          `<Object>${signed.replace(signature, '')}</Object></Signature>`,
        );
        return idp.response(inside(evil(asked), /<saml:Subject>/, carrying), asked);
      },
    ],
    [
      'has two of one id (wrapping)',
      'E_LOGIN_SIGNATURE',
      (asked) => {
        const signed = good(asked, { id: '_twice' });
        const twin = idp.assertion({ ...asked, nameId: 'mallory', id: '_twice' });
        return idp.response(inside(twin, /<saml:Subject>/, `<x>${signed}</x>`), asked);
      },
    ],
    ['is too old', 'E_LOGIN_EXPIRED', (asked) => idp.response(good(asked, { lasts: -10 * 60_000 }), asked)],
    [
      'is not valid yet',
      'E_LOGIN_EXPIRED',
      (asked) => idp.response(good(asked, { lasts: 60 * 60_000 }), asked),
    ],
    [
      'is for another request, and says so where it is not signed',
      'E_LOGIN_REPLAYED',
      (asked) => idp.response(good(asked, { requestId: '_other' }), { ...asked, requestId: '_other' }),
    ],
    [
      'is for another request, and hides it',
      'E_LOGIN_REPLAYED',
      (asked) => idp.response(good(asked, { requestId: '_other' }), asked),
    ],
    [
      'is for somebody else',
      'E_LOGIN_REFUSED',
      (asked) => idp.response(good(asked, { audience: 'https://other.example.com' }), asked),
    ],
    [
      'was to be posted elsewhere',
      'E_LOGIN_REFUSED',
      (asked) => idp.response(good(asked, { acs: 'https://other.example.com/acs' }), asked),
    ],
    [
      'brings entities',
      'E_LOGIN_REFUSED',
      (asked) => idp.response(good(asked), asked, '<!DOCTYPE a [<!ENTITY b "c">]>'),
    ],
    ['is no XML', 'E_LOGIN_REFUSED', () => Buffer.from('<a').toString('base64')],
  ];
  let stranger: SamlIdp;
  beforeAll(async () => {
    stranger = await SamlIdp.create();
  });

  it.each(cases)('%s', async (_what, code, make) => {
    const browser = new Browser();
    const asked = await begin(browser, 'plain');
    const posted = await answer(browser, asked.acs, make(asked), asked.relayState);
    expect(await codeOf(posted)).toBe(code);
    await host.database.pool.query('DELETE FROM mag.login_attempts');
  });

  it('was used before, on whichever host, whatever login it is shown to', async () => {
    const browser = new Browser();
    const asked = await begin(browser, 'plain');
    const signed = good(asked, { id: '_once' });
    const response = idp.response(signed, asked);
    expect(await codeOf(await answer(browser, asked.acs, response, asked.relayState))).toBe('accepted');
    for (const acs of [asked.acs, asked.acs.replace(host.url, other.url)]) {
      expect(await codeOf(await answer(browser, acs, response, asked.relayState))).toBe('E_LOGIN_REPLAYED');
    }
    const next = await begin(browser, 'plain');
    expect(await codeOf(await answer(browser, next.acs, response, next.relayState))).toBe('E_LOGIN_REPLAYED');
    const last = await begin(browser, 'plain');
    const same = idp.response(good(last, { id: '_once' }), last);
    expect(await codeOf(await answer(browser, last.acs, same, last.relayState))).toBe('E_LOGIN_REPLAYED');
  });
});
