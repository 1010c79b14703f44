import * as client from 'openid-client';
import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { OidcProvider } from '../../../manifests/manifest/manifest.ts';
import { oidcFault } from './oidc-faults.ts';
import type { ProviderFetch } from './provider-fetch.ts';
import type { Provider } from './providers.ts';

/** How long what a provider says of itself is believed. */
const BELIEVED_MS = 10 * 60_000;
const TIMEOUT_S = 10;

type Oidc = Provider<OidcProvider>;

export interface OidcParts {
  readonly fetch: ProviderFetch;
  /** The value of a secret of the extension; `null`: it is missing. */
  readonly secretFor: (extension: Oidc['extension'], name: string) => Promise<string | null>;
}

/** What the host has to remember of a login until the browser comes back. */
export type OidcMemory = { readonly nonce: string; readonly verifier: string };

export interface Verified {
  readonly subject: string;
  readonly claims: JsonObject;
}

/** OpenID Connect with the code flow, PKCE, state and nonce. Signatures of ID tokens are always verified. */
export class OidcLogins {
  readonly #parts: OidcParts;
  readonly #known = new Map<string, { until: number; discovered: Promise<client.Configuration> }>();

  constructor(parts: OidcParts) {
    this.#parts = parts;
  }

  /** Where the browser goes. @throws `E_LOGIN_PROVIDER`, `E_SECRET_MISSING`, `E_CAP_*`, `E_NET*` */
  async begin(provider: Oidc, state: string, callback: string): Promise<{ url: URL; memory: OidcMemory }> {
    const nonce = client.randomNonce();
    const verifier = client.randomPKCECodeVerifier();
    const configuration = await this.#configurationOf(provider);
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: callback,
      scope: provider.declared.scopes.join(' '),
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { url, memory: { nonce, verifier } };
  }

  /**
   * @param url as the browser came back with, at the public address
   * @throws `E_LOGIN_EXPIRED`, `E_LOGIN_SIGNATURE`, `E_LOGIN_REFUSED`, and what `begin` throws
   */
  async finish(provider: Oidc, url: URL, state: string, { nonce, verifier }: OidcMemory): Promise<Verified> {
    const configuration = await this.#configurationOf(provider);
    try {
      const tokens = await client.authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new MagError('E_LOGIN_PROVIDER', 'The provider gave no ID token.');
      const asks = configuration.serverMetadata().userinfo_endpoint !== undefined;
      const more = asks ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
      return { subject: claims.sub, claims: JSON.parse(JSON.stringify({ ...more, ...claims })) };
    } catch (failure) {
      throw oidcFault(failure);
    }
  }

  async #configurationOf(provider: Oidc): Promise<client.Configuration> {
    const { clientId, issuer, secret: name } = provider.declared;
    const secret = name === undefined ? null : await this.#parts.secretFor(provider.extension, name);
    if (name !== undefined && secret === null)
      throw new MagError('E_SECRET_MISSING', 'The secret of the login provider is not set.');
    const key = JSON.stringify([provider.key, issuer, clientId, secret]);
    const known = this.#known.get(key);
    if (known !== undefined && known.until > Date.now()) return known.discovered;
    for (const [old, { until }] of this.#known) if (until <= Date.now()) this.#known.delete(old);
    const discovered = this.#discover(provider, secret);
    this.#known.set(key, { until: Date.now() + BELIEVED_MS, discovered });
    discovered.catch(() => this.#known.delete(key)); // a failure is not remembered
    return discovered;
  }

  async #discover({ extension, declared }: Oidc, secret: string | null): Promise<client.Configuration> {
    const issuer = new URL(declared.issuer);
    try {
      return await client.discovery(
        issuer,
        declared.clientId,
        {},
        secret === null ? client.None() : client.ClientSecretBasic(secret),
        {
          [client.customFetch]: (url, options) => this.#parts.fetch(extension, url, options),
          timeout: TIMEOUT_S,
          execute: [
            client.enableNonRepudiationChecks,
            // The manifest lets http through on loopback alone.
            ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
          ],
        },
      );
    } catch (failure) {
      throw oidcFault(failure);
    }
  }
}
