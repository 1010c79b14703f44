import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { MappedSecrets } from './mapped-secrets.ts';
import type { SecretBackend, SecretValue } from './secret-backend.ts';

/** On whose behalf a secret is asked for. */
export interface SecretRequester {
  readonly extension: ExtensionId;
  /** `null`: on no tenant's. */
  readonly tenantId: string | null;
}

/** The one way to a secret, whoever asks and wherever it is kept (spec 10, spine). Both may throw `E_STORAGE`. */
export interface SecretResolver {
  /** What a name of an extension's manifest stands for, as it is now. The gate has allowed it. */
  resolve(name: string, requester: SecretRequester): Promise<ResolvedSecret>;
  /** A shared secret, for the host itself: what it connects to with it is no extension. */
  shared(name: string, tenantId?: string | null): Promise<ResolvedSecret>;
}

/** `from` is for operators: `folder`, or `environment: DEEPL_KEY` for one that is bound; `null` while missing. */
export type ResolvedSecret = SecretValue & { readonly from: string | null };

/** Which shared secret a name of an extension stands for; `null`: none. */
export type ReadBinding = (extension: ExtensionId, name: string) => Promise<string | null>;

const MISSING: ResolvedSecret = { state: 'missing', from: null };

/**
 * An extension gets what an operator mapped or bound to it and nothing else: what its name is mapped to, a secret of its
 * own, or the shared one that its name is bound to. A shared secret of the same name is not enough, or any manifest
 * could ask for it.
 * @param backends in this order: the first that has it answers, usable or not
 * @param mapped comes before them: a name that is mapped is read there and nowhere else
 */
export function createSecretResolver(
  backends: readonly SecretBackend[],
  binding: ReadBinding,
  mapped: MappedSecrets,
): SecretResolver {
  const first = async (name: string, extension: ExtensionId | null, tenantId: string | null) => {
    const elsewhere = await mapped.read({ name, extension, tenantId });
    if (elsewhere !== null) return elsewhere;
    for (const backend of backends) {
      const found = await backend.read({ name, extension }, tenantId);
      if (found.state !== 'missing') return { ...found, from: backend.kind };
    }
    return null;
  };
  return {
    shared: async (name, tenantId = null) => (await first(name, null, tenantId)) ?? MISSING,
    resolve: async (name, { extension, tenantId }) => {
      const own = await first(name, extension, tenantId);
      if (own !== null) return own;
      const to = await binding(extension, name);
      const shared = to === null ? null : await first(to, null, tenantId);
      return shared === null ? MISSING : { ...shared, from: `${shared.from}: ${to}` };
    },
  };
}
