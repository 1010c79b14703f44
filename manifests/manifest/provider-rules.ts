import { isHostRole } from '../catalog/index.ts';
import { NO_ROLES } from './inbound.ts';
import type { Manifest, ProviderContribution } from './manifest.ts';

/** Every login provider of a manifest, whatever it speaks. */
export function providersOf({ contributes }: Pick<Manifest, 'contributes'>): readonly ProviderContribution[] {
  return [...contributes.ssoProviders, ...contributes.oidcProviders, ...contributes.samlProviders];
}

/** What is wrong with the login providers and the roles of a manifest, one sentence each. */
export function providerProblems(manifest: Manifest): string[] {
  return [
    ...providersOf(manifest).flatMap((provider) =>
      problemsOf(provider, manifest).map((problem) => `/contributes/providers: ${provider.name} ${problem}`),
    ),
    ...manifest.contributes.roles
      .filter(({ name }) => isReserved(name))
      .map(({ name }) => `/contributes/roles: ${name} is a role of the host`),
  ];
}

function problemsOf(provider: ProviderContribution, manifest: Manifest): string[] {
  const { roles, defaultRoles } = provider;
  return [
    ...roles.filter(isReserved).map((role) => `gives ${role}, which only an owner gives`),
    ...defaultRoles
      .filter((role) => !roles.includes(role))
      .map((role) => `gives ${role} by default, which is not in its roles`),
    ...(provider.kind === 'oidc' ? oidcProblems(provider, manifest) : []),
    ...(provider.kind === 'saml' && !isSafeUrl(provider.entryPoint)
      ? ['has an entryPoint that is no https address']
      : []),
    ...(provider.kind === 'saml'
      ? provider.certificates
          .filter((text) => !PEM.test(text))
          .map(() => 'has a certificate that is no PEM text')
      : []),
  ];
}

function oidcProblems(
  { issuer, secret, scopes }: ProviderContribution & { kind: 'oidc' },
  { capabilities, secrets }: Manifest,
): string[] {
  return [
    ...(isSafeUrl(issuer) ? [] : ['has an issuer that is no https address']),
    ...(scopes.includes('openid') ? [] : ['does not ask for the scope openid']),
    ...(capabilities.some(({ name }) => name === 'network.outbound')
      ? []
      : ['needs the capability network.outbound for the origins of its issuer, declare it']),
    ...(secret === undefined || secrets.some(({ name }) => name === secret)
      ? []
      : [`is a client with ${secret}, which is not in /secrets`]),
  ];
}

const PEM = /^-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/;

/** What endpoints ask for by these names is not a role that anybody is given. */
function isReserved(role: string): boolean {
  return isHostRole(role) || NO_ROLES.includes(role);
}

/** Without TLS nothing is safe on its way, but on this machine. */
function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
}
