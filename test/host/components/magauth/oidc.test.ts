import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OidcLogins } from '../../../../host/components/magauth/oidc.ts';
import type { Provider } from '../../../../host/components/magauth/providers.ts';
import { codeOf } from '../../../../kernel/errors.ts';
import type { OidcProvider } from '../../../../manifests/manifest/manifest.ts';

/* What a real provider never does: ID tokens that are forged, old or for somebody else. */

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

let server: Server;
let issuer: string;
let keys: Keys;
let foreign: Keys;
let idToken = '';

const logins = new OidcLogins({
  fetch: (_extension, url, init) => fetch(url, init as RequestInit),
  secretFor: async () => null,
});

beforeAll(async () => {
  [keys, foreign] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'a', alg: 'RS256', use: 'sig' };
  const answers: Record<string, () => object> = {
    '/.well-known/openid-configuration': () => ({
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ['RS256'],
    }),
    '/jwks': () => ({ keys: [jwk] }),
    '/token': () => ({ access_token: 'a', token_type: 'Bearer', expires_in: 60, id_token: idToken }),
  };
  server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[request.url ?? '']?.() ?? {}));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const provider = (): Provider<OidcProvider> => ({
  key: 'acme/corp#main',
  path: 'acme/corp/main',
  extension: 'acme/corp',
  declared: {
    kind: 'oidc',
    name: 'main',
    title: 'Main',
    tenant: 't_acme',
    roles: [],
    defaultRoles: [],
    issuer,
    clientId: 'magflock',
    scopes: ['openid'],
    map: false,
  },
});

/** Logs in with an ID token of these claims; resolves with the subject, or the code it is refused with. */
async function logIn(claims: JWTPayload = {}, { signedBy = keys, expires = '5m', none = false } = {}) {
  const callback = 'http://127.0.0.1/auth/callback/acme/corp/main';
  const { memory } = await logins.begin(provider(), 'the-state', callback);
  const payload = { iss: issuer, aud: 'magflock', sub: 'ada', nonce: memory.nonce, ...claims };
  idToken = none
    ? new UnsecuredJWT(payload).setIssuedAt().setExpirationTime(expires).encode()
    : await new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', kid: 'a' })
        .setIssuedAt()
        .setExpirationTime(expires)
        .sign(signedBy.privateKey);
  const url = new URL(`${callback}?code=c&state=the-state`);
  return logins.finish(provider(), url, 'the-state', memory).then(({ subject }) => subject, codeOf);
}

describe('an ID token', () => {
  it('is taken when it is signed, for us, for this login and for now', async () => {
    expect(await logIn()).toBe('ada');
  });

  it.each<[string, string, () => ReturnType<typeof logIn>]>([
    ['is not signed', 'E_LOGIN_PROVIDER', () => logIn({}, { none: true })],
    ['is signed by somebody else', 'E_LOGIN_SIGNATURE', () => logIn({}, { signedBy: foreign })],
    ['is too old', 'E_LOGIN_EXPIRED', () => logIn({}, { expires: '-5m' })],
    ['was made for another login', 'E_LOGIN_REFUSED', () => logIn({ nonce: 'of another' })],
    ['is for another client', 'E_LOGIN_REFUSED', () => logIn({ aud: 'other' })],
    ['is of another issuer', 'E_LOGIN_REFUSED', () => logIn({ iss: 'https://other.example' })],
  ])('that %s is refused', async (_what, code, forged) => {
    expect(await forged()).toBe(code);
  });
});
