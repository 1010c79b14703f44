import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { MappedSecrets } from './mapped-secrets.ts';
import type { SecretMappings } from './ports.ts';
import type { SecretBackend, SecretValue } from './secret-backend.ts';
import type { SecretFolder } from './secret-folder.ts';
import type { SecretResolver } from './secret-resolver.ts';

/** A secret that the manifest of an extension names. */
export interface WantedSecret {
  readonly extension: ExtensionId;
  readonly name: string;
  readonly reason: string;
}

/** One line about a secret. Never its value. */
export interface SecretRow {
  readonly name: string;
  /** Whose; `null`: one that extensions can be bound to. */
  readonly extension: ExtensionId | null;
  readonly state: SecretValue['state'];
  /** Where it is from: `folder`, `environment: DEEPL_KEY`, `vault:main`; `null` while it is nowhere. */
  readonly from: string | null;
  /** Why an extension wants it, or the extensions that are bound to it; `null`: nobody uses it. */
  readonly use: string | null;
  /** Why it is not usable. */
  readonly problem: string | null;
}

interface Sources {
  readonly folder: SecretFolder;
  readonly backends: readonly SecretBackend[];
  readonly resolver: SecretResolver;
  readonly mappings: Pick<SecretMappings, 'list'>;
  readonly mapped: MappedSecrets;
}

/** What is wanted first, then what nobody wants, then what extensions can be bound to. */
export async function listSecrets(
  wanted: readonly WantedSecret[],
  { folder, backends, resolver, mappings, mapped }: Sources,
): Promise<SecretRow[]> {
  const rows: SecretRow[] = await Promise.all(
    wanted.map(async ({ extension, name, reason }) => {
      const { from, ...found } = await resolver.resolve(name, { extension, tenantId: null });
      return { name, extension, ...stateOf(found), from, use: reason };
    }),
  );
  const bindings = await folder.bindings();
  const boundTo = (name: string) =>
    bindings
      .filter(({ to }) => to === name)
      .map((binding) => binding.extension)
      .join(', ') || null;
  // Those of tenants are a matter of whoever administers them.
  const shared = (await mappings.list()).filter((one) => one.extension === null && one.tenantId === null);
  const found = shared.map(async (mapping): Promise<SecretRow> => {
    const { from, ...value } = await mapped.readMapping(mapping);
    return { name: mapping.name, extension: null, ...stateOf(value), from, use: boundTo(mapping.name) };
  });
  rows.push(...(await Promise.all(found)));
  for (const backend of backends) {
    for (const secret of await backend.list()) {
      const { name, extension } = secret;
      if (rows.some((row) => row.name === name && row.extension === extension)) continue;
      const use = extension === null ? boundTo(name) : null;
      rows.push({ name, extension, ...stateOf(await backend.read(secret, null)), from: backend.kind, use });
    }
  }
  return rows;
}

function stateOf(found: SecretValue): Pick<SecretRow, 'state' | 'problem'> {
  return { state: found.state, problem: found.state === 'unusable' ? found.why : null };
}
