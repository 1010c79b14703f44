import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { SecretStatus } from '../../manifests/sdk/secrets.ts';
import type { MappedSecrets } from './mapped-secrets.ts';
import type { SecretKey, SecretMapping, SecretMappings, SecretRead } from './ports.ts';
import type { SecretBackend, SecretValue } from './secret-backend.ts';
import type { Binding } from './secret-folder.ts';
import type { WantedSecret } from './secret-list.ts';

const DAY_MS = 86_400_000;

/** What the list is made of. */
export interface StatusSources {
  readonly mappings: Pick<SecretMappings, 'list' | 'reads'>;
  readonly mapped: MappedSecrets;
  readonly backends: readonly SecretBackend[];
  readonly bindings: () => Promise<readonly Binding[]>;
  /** What extensions known to this host want. */
  readonly wanted: () => Promise<readonly WantedSecret[]>;
}

interface Known {
  readonly bindings: readonly Binding[];
  readonly wanted: readonly WantedSecret[];
  readonly reads: readonly SecretRead[];
}

/**
 * Names that are mapped, wanted, or there: where each is kept, how it is, and who uses it. Never a value.
 * @param only of this name; absent: all
 */
export async function statusOf(sources: StatusSources, only?: string): Promise<SecretStatus[]> {
  const [mappings, reads, bindings, wanted] = await Promise.all([
    sources.mappings.list(),
    sources.mappings.reads(),
    sources.bindings(),
    sources.wanted(),
  ]);
  const known: Known = { bindings, wanted, reads };
  const rows = new Map<string, SecretStatus>();
  for (const mapping of mappings) rows.set(idOf(mapping), await mappedRow(mapping, sources.mapped, known));
  for (const backend of sources.backends) {
    for (const { name, extension } of await backend.list()) {
      const key: SecretKey = { name, extension, tenantId: null };
      if (rows.has(idOf(key))) continue;
      const found = await backend.read({ name, extension }, null);
      rows.set(idOf(key), { ...rowOf(key, found, known), from: backend.kind });
    }
  }
  for (const { name, extension } of wanted) {
    const key: SecretKey = { name, extension, tenantId: null };
    if (rows.has(idOf(key))) continue;
    const to = bindings.find((one) => one.extension === extension && one.name === name)?.to ?? null;
    const shared = to === null ? undefined : rows.get(idOf({ name: to, extension: null, tenantId: null }));
    const row = rowOf(key, { state: 'missing' }, known);
    const { state, problem, from } = shared ?? row;
    rows.set(idOf(key), { ...row, state, problem, from: to === null ? null : `${from ?? 'nowhere'}: ${to}` });
  }
  const sorted = [...rows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return only === undefined ? sorted : sorted.filter(({ name }) => name === only);
}

async function mappedRow(mapping: SecretMapping, mapped: MappedSecrets, known: Known): Promise<SecretStatus> {
  // A list does not ask a Vault for everything in it: that is what a check is for.
  const isFar = mapping.backend.startsWith('vault:');
  const found = isFar ? mapped.known(mapping) : await mapped.readNow(mapping);
  return {
    ...rowOf(mapping, found, known),
    from: mapping.backend,
    mapping: mappingView(mapping),
  };
}

function rowOf(key: SecretKey, found: SecretValue | null, known: Known): SecretStatus {
  const users = usersOf(key, known);
  const readAt = known.reads
    .filter((read) => users.some((user) => user.extension === read.extension && user.name === read.name))
    .reduce((latest, read) => Math.max(latest, read.readAt.getTime()), 0);
  return {
    name: key.name,
    extension: key.extension,
    tenant: key.tenantId,
    state: found?.state ?? 'unchecked',
    problem: found?.state === 'unusable' ? found.why : null,
    from: null,
    mapping: null,
    usedBy: [...new Set(users.map(({ extension }) => extension))],
    lastReadAt: readAt === 0 ? null : new Date(readAt).toISOString(),
  };
}

/** Names of extensions that a secret is read by. */
function usersOf({ name, extension }: SecretKey, { bindings, wanted }: Known): UserOf[] {
  if (extension !== null) return wanted.filter((one) => one.extension === extension && one.name === name);
  return bindings.filter(({ to }) => to === name);
}

interface UserOf {
  readonly extension: ExtensionId;
  readonly name: string;
}

/** A mapping as extensions see it. */
export function mappingView(mapping: SecretMapping): NonNullable<SecretStatus['mapping']> {
  const { backend, ref, rotateAfterDays, version, rotatedAt, changedAt, changedBy } = mapping;
  const dueAt = rotateAfterDays === null ? null : new Date(rotatedAt.getTime() + rotateAfterDays * DAY_MS);
  return {
    backend,
    ref,
    version,
    rotateAfterDays,
    rotatedAt: rotatedAt.toISOString(),
    dueAt: dueAt?.toISOString() ?? null,
    changedAt: changedAt.toISOString(),
    changedBy,
  };
}

/** Sorts by name, what is shared first. */
export function idOf({ name, extension, tenantId }: SecretKey): string {
  return [name, extension ?? '', tenantId ?? ''].join(' ');
}
