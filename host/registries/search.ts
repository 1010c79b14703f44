import semver from 'semver';
import { codeOf, messageOf } from '../../kernel/errors.ts';
import { downloadIndex } from './download.ts';
import type { IndexEntry } from './index-format.ts';
import type { Registry } from './registries-file.ts';

const DEADLINE_MS = 20_000;
const MAX_FOUND = 200;

export interface SearchResult {
  /** In the order of the registries, by id in each; at most 200. What they say, unverified. */
  readonly packages: readonly FoundPackage[];
  /** Registries that could not be asked, and why. */
  readonly unreadable: readonly {
    readonly registry: string;
    readonly code: string;
    readonly detail: string;
  }[];
}

export interface FoundPackage {
  readonly id: string;
  readonly kind: string;
  /** The highest. */
  readonly version: string;
  readonly versions: readonly string[];
  readonly displayName: string;
  readonly description: string;
  readonly registry: string;
}

/** What registries list whose id, name or description holds a text. */
export async function searchRegistries(registries: readonly Registry[], text: string): Promise<SearchResult> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const wanted = text.toLowerCase();
  const packages: FoundPackage[] = [];
  const unreadable: SearchResult['unreadable'][number][] = [];
  const indexes = await Promise.allSettled(registries.map((registry) => downloadIndex(registry, signal)));
  for (const [at, index] of indexes.entries()) {
    const registry = registries[at]?.name ?? '';
    if (index.status === 'rejected') {
      const code = codeOf(index.reason) ?? 'E_REGISTRY';
      unreadable.push({ registry, code, detail: messageOf(index.reason) });
      continue;
    }
    const found = [...index.value.values()].map((entries) => foundIn(entries, registry));
    packages.push(
      ...found
        .filter(({ id, displayName, description }) =>
          [id, displayName, description].some((value) => value.toLowerCase().includes(wanted)),
        )
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
  }
  return { packages: packages.slice(0, MAX_FOUND), unreadable };
}

function foundIn(entries: readonly IndexEntry[], registry: string): FoundPackage {
  const newest = [...entries].sort((a, b) => semver.rcompare(a.version, b.version));
  const versions = newest.map(({ version }) => version);
  const [first] = newest;
  const { id = '', kind = '', version = '', displayName = '', description = '' } = first ?? {};
  return { id, kind, version, versions, displayName, description, registry };
}
