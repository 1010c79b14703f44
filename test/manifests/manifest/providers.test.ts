import { describe, expect, it } from 'vitest';
import { ManifestError } from '../../../manifests/manifest/manifest-error.ts';
import { parseManifest } from '../../../manifests/manifest/parse.ts';

const minimal = {
  manifestVersion: 1,
  kind: 'extension',
  id: 'acme/corp',
  version: '1.0.0',
  displayName: 'Corp',
  description: 'Logs people in.',
  license: 'MIT',
  engines: { magflock: '^1.0.0' },
  entry: 'dist/index.js',
};
const capability = (name: string, scope?: object) => ({ name, reason: 'r', ...(scope ? { scope } : {}) });

function problemsOf(json: unknown): readonly string[] {
  try {
    parseManifest(json);
    return [];
  } catch (error) {
    if (error instanceof ManifestError) return error.problems;
    throw error;
  }
}

describe('login providers and roles in a manifest', () => {
  const sso = { name: 'a', kind: 'sso', title: 'A', tenant: 't_acme' };
  const oidc = { ...sso, kind: 'oidc', issuer: 'https://login.example', clientId: 'c' };
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const saml = {
    ...sso,
    kind: 'saml',
    idpEntityId: 'e',
    entryPoint: 'https://idp.example',
    certificates: [pem],
  };
  const loggingIn = (provider: object, capabilities = ['network.outbound']) => ({
    ...minimal,
    capabilities: [
      capability('auth.register_provider', { tenants: ['t_acme'] }),
      ...capabilities.map((name) => capability(name, { origins: ['https://login.example'] })),
    ],
    contributes: { providers: [provider] },
  });

  it('sorts login providers by what they speak, and fills their defaults in', () => {
    const { contributes } = parseManifest(loggingIn(oidc));
    expect(contributes.oidcProviders).toEqual([
      { ...oidc, roles: [], defaultRoles: [], scopes: ['openid', 'profile', 'email'], map: false },
    ]);
    expect(parseManifest(loggingIn(saml)).contributes.samlProviders).toHaveLength(1);
    expect(parseManifest(loggingIn(sso)).contributes.ssoProviders).toHaveLength(1);
  });

  it.each<[string, object, string]>([
    ['of no kind', { ...sso, kind: 'ldap' }, 'must be one of sso, oidc, saml'],
    ['without what it is for', { name: 'a', kind: 'oidc' }, "must have required property 'issuer'"],
    ['with members of another kind', { ...sso, issuer: 'https://login.example' }, 'unknown member issuer'],
    ['that gives a role of the host', { ...sso, roles: ['owner'] }, 'only an owner gives'],
    ['that gives what is no role', { ...sso, roles: ['certificate'] }, 'only an owner gives'],
    ['that gives by default what it may not', { ...sso, defaultRoles: ['staff'] }, 'not in its roles'],
    ['without TLS', { ...oidc, issuer: 'http://login.example' }, 'no https address'],
    ['with a password in its address', { ...oidc, issuer: 'https://a:b@login.example' }, 'no https address'],
    ['with a secret nobody names', { ...oidc, secret: 'A' }, 'not in /secrets'],
    ['that asks for no ID token', { ...oidc, scopes: ['email'] }, 'scope openid'],
    ['that leads to a script', { ...saml, entryPoint: 'javascript:alert(1)' }, 'no https address'],
    ['with a key that is none', { ...saml, certificates: ['AAAA'] }, 'no PEM text'],
  ])('refuses a login provider %s', (_what, provider, problem) => {
    expect(problemsOf(loggingIn(provider)).join()).toContain(problem);
  });

  it('refuses login providers and roles without the right to have them', () => {
    expect(problemsOf({ ...minimal, contributes: { providers: [sso] } }).join()).toContain(
      'auth.register_provider',
    );
    expect(problemsOf(loggingIn(oidc, [])).join()).toContain('network.outbound');
    const roles = [{ name: 'owner', description: 'd', permissions: [] }];
    const problems = problemsOf({ ...minimal, contributes: { roles } }).join();
    expect(problems).toContain('auth.modify_roles');
    expect(problems).toContain('is a role of the host');
  });
});
