import type { MagauthHooks } from '../../../adapters/magauth/index.ts';
import type {
  ExtensionId,
  OidcProvider,
  ProviderContribution,
  SamlProvider,
  SsoProvider,
} from '../../../manifests/manifest/manifest.ts';

/** A login provider of an extension that is enabled on this host. */
export interface Provider<Declared extends ProviderContribution = ProviderContribution> {
  /** `<publisher>/<name>#<provider>` */
  readonly key: string;
  /** `<publisher>/<name>/<provider>`, as it is part of addresses. */
  readonly path: string;
  readonly extension: ExtensionId;
  readonly declared: Declared;
}

export type OfKind = { readonly sso: SsoProvider; readonly oidc: OidcProvider; readonly saml: SamlProvider };

/** What people can log in with now. */
export class Providers {
  readonly #hooks: MagauthHooks;

  constructor(hooks: MagauthHooks) {
    this.#hooks = hooks;
  }

  list(): Provider[] {
    const { ssoProviders, oidcProviders, samlProviders } = this.#hooks;
    return [ssoProviders, oidcProviders, samlProviders].flatMap((point) =>
      point.list().map(({ extension, value }) => ({
        key: `${extension}#${value.name}`,
        path: `${extension}/${value.name}`,
        extension,
        declared: value,
      })),
    );
  }

  find(key: string): Provider | undefined {
    return this.list().find((provider) => provider.key === key);
  }
}

export function isOf<Kind extends keyof OfKind>(
  provider: Provider | undefined,
  kind: Kind,
): provider is Provider<OfKind[Kind]> {
  return provider?.declared.kind === kind;
}
