import { randomBytes } from 'node:crypto';
import { type Profile, SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { SamlProvider } from '../../../manifests/manifest/manifest.ts';
import type { Verified } from './oidc.ts';
import type { Provider } from './providers.ts';
import { checkAssertion, checkDocument } from './saml-checks.ts';

type Saml = Provider<SamlProvider>;

/** What the host has to remember of a login until the answer is posted. `begunAt` is ISO 8601. */
export type SamlMemory = { readonly requestId: string; readonly begunAt: string };

export interface SamlAddresses {
  /** Of this host, as providers know it. */
  readonly entityId: string;
  /** Where answers are posted to. */
  readonly acs: string;
}

export interface SamlAnswer extends Verified {
  readonly assertionId: string;
  /** When it could not be used again anyway. */
  readonly expiresAt: Date;
}

const CLOCK_SKEW_MS = 30_000;
const MAX_ASSERTION_AGE_MS = 5 * 60_000;
const MAX_LOGIN_MS = 10 * 60_000;

/** Where the browser goes (HTTP-Redirect binding). */
export async function beginSaml(
  { declared }: Saml,
  state: string,
  addresses: SamlAddresses,
): Promise<{ url: URL; memory: SamlMemory }> {
  const memory = { requestId: `_${randomBytes(20).toString('hex')}`, begunAt: new Date().toISOString() };
  const url = await openSaml(declared, addresses, memory).getAuthorizeUrlAsync(state, undefined, {});
  return { url: new URL(url), memory };
}

/**
 * Takes a response of the HTTP-POST binding: it must answer this very request, and its one assertion be signed
 * itself, for us and for now.
 * @throws `E_LOGIN_SIGNATURE`, `E_LOGIN_EXPIRED`, `E_LOGIN_REPLAYED`, `E_LOGIN_REFUSED`
 */
export async function finishSaml(
  { declared }: Saml,
  response: string,
  addresses: SamlAddresses,
  memory: SamlMemory,
): Promise<SamlAnswer> {
  checkDocument(response);
  const profile = await validate(openSaml(declared, addresses, memory), response);
  const facts = checkAssertion(profile, { acs: addresses.acs, requestId: memory.requestId });
  return {
    subject: profile.nameID,
    claims: claimsOf(profile),
    assertionId: facts.id,
    expiresAt: new Date(facts.notOnOrAfter.getTime() + CLOCK_SKEW_MS),
  };
}

/** What providers are configured with. */
export function samlMetadata({ declared }: Saml, addresses: SamlAddresses): string {
  const memory = { requestId: '_metadata', begunAt: '' };
  return openSaml(declared, addresses, memory).generateServiceProviderMetadata(null, null);
}

function openSaml(declared: SamlProvider, { entityId, acs }: SamlAddresses, memory: SamlMemory): SAML {
  return new SAML({
    idpCert: [...declared.certificates],
    idpIssuer: declared.idpEntityId,
    entryPoint: declared.entryPoint,
    issuer: entityId,
    audience: entityId,
    callbackUrl: acs,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    acceptedClockSkewMs: CLOCK_SKEW_MS,
    maxAssertionAgeMs: MAX_ASSERTION_AGE_MS,
    validateInResponseTo: ValidateInResponseTo.always,
    requestIdExpirationPeriodMs: MAX_LOGIN_MS,
    generateUniqueId: () => memory.requestId,
    // The one request that this login began with: where it is kept, and used up, is Postgres.
    cacheProvider: {
      saveAsync: async () => null,
      getAsync: async (key) => (key === memory.requestId ? memory.begunAt : null),
      removeAsync: async () => null,
    },
  });
}

async function validate(saml: SAML, response: string): Promise<Profile> {
  let validated: Awaited<ReturnType<SAML['validatePostResponseAsync']>>;
  try {
    validated = await saml.validatePostResponseAsync({ SAMLResponse: response });
  } catch (failure) {
    throw samlFault(failure);
  }
  if (validated.profile === null || !validated.profile.nameID)
    throw new MagError('E_LOGIN_REFUSED', 'The answer of the login provider names nobody.');
  return validated.profile;
}

function samlFault(failure: unknown): MagError {
  const message = messageOf(failure);
  const options = { cause: failure };
  if (/expired|not yet valid|No valid subject confirmation/i.test(message))
    return new MagError(
      'E_LOGIN_EXPIRED',
      'The answer of the login provider is too old, or not valid yet.',
      options,
    );
  if (/InResponseTo/i.test(message))
    return new MagError(
      'E_LOGIN_REPLAYED',
      'The answer of the login provider is for another login.',
      options,
    );
  if (/signature|reference|digest/i.test(message))
    return new MagError(
      'E_LOGIN_SIGNATURE',
      'The answer of the login provider is not signed as it must be.',
      options,
    );
  return new MagError(
    'E_LOGIN_REFUSED',
    'The login provider refused, or its answer is for somebody else.',
    options,
  );
}

function claimsOf({ attributes }: Profile): JsonObject {
  const claims: Record<string, Json> = {};
  for (const [name, value] of Object.entries((attributes ?? {}) as Record<string, unknown>)) {
    if (typeof value === 'string') claims[name] = value;
    if (Array.isArray(value)) claims[name] = value.filter((one) => typeof one === 'string');
  }
  return claims;
}
