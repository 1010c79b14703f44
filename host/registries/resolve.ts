import semver from 'semver';
import { MagError } from '../../kernel/errors.ts';
import { isInstalled } from '../../kernel/lifecycle/moves.ts';
import type { ExtensionSummary, Operator, Principal, Staged, Submitted } from '../../kernel/operator.ts';
import type { ExtensionState } from '../../kernel/ports.ts';
import { startOrder } from '../../kernel/registry/dependencies.ts';
import { HOST_VERSION } from '../../kernel/version.ts';
import type { AnyManifest, ExtensionId } from '../../manifests/manifest/manifest.ts';
import { download, downloadIndex, type Listed, requireListed } from './download.ts';
import type { RegistryIndex } from './index-format.ts';
import type { Registry } from './registries-file.ts';
import { type Candidate, solve } from './solve.ts';

/** All that one resolution reads from registries, and the time it takes: an answer must come. */
const DEADLINE_MS = 60_000;
const MAX_DOWNLOAD_BYTES = 128 * 1_048_576; // held in memory until all of it is verified

export interface ResolveRequest {
  /** Extension id to semver range. */
  readonly wanted: Readonly<Record<ExtensionId, string>>;
  /** What is wanted is staged: an operator brought the file. Only what it needs may come from elsewhere. */
  readonly staged?: boolean;
  /** What is wanted is installed, and is to be moved; of a bundle, its members with it. */
  readonly upgrade?: boolean;
  readonly lock?: Lock;
}

/** What was resolved before. */
export interface Lock {
  readonly packages: Readonly<Record<ExtensionId, { readonly version: string; readonly digest: string }>>;
  /** Nothing else may be chosen. Otherwise: no version may have another digest than it had. */
  readonly strict: boolean;
}

/** One extension or bundle as it is to be. */
export interface Resolved {
  readonly id: ExtensionId;
  readonly version: string;
  readonly digest: string;
  /** The registry that lists it; `null`: none does, or none was asked. */
  readonly registry: string | null;
  readonly action: 'none' | 'install' | 'upgrade';
  /** Of what is installed. */
  readonly state: ExtensionState | null;
  /** The bundle among what is resolved that moves it. */
  readonly memberOf: ExtensionId | null;
  /** What is to be approved. `null` for what stays as it is. */
  readonly staged: Staged | null;
}

/** A version and where it is. */
interface Version extends Candidate {
  readonly digests: readonly string[];
  readonly isStaged: boolean;
  readonly listed: readonly Listed[];
}

/**
 * Chooses a version of everything that is needed, over what is installed, staged and listed by registries; then
 * fetches, verifies and stages what is missing: all of it, or nothing when anything is refused. What is installed
 * stays as it is.
 * @returns dependencies first
 * @throws what `solve`, `downloadIndex`, `download` and `Operator.stageAll` throw; `E_PKG_EQUIVOCATION`,
 *   `E_LOCK_MISMATCH`; `E_STATE` for an upgrade of what is not installed
 */
export async function resolve(
  request: ResolveRequest,
  { registries, operator, by }: { registries: readonly Registry[]; operator: Operator; by: Principal },
): Promise<Resolved[]> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const choices = new Choices(request, registries, operator, signal);
  const wishes = Object.entries(request.wanted).map(([id, range]) => ({ id: id as ExtensionId, range }));
  for (const { id } of request.upgrade === true ? wishes : []) {
    if ((await choices.installed(id)) === undefined)
      throw new MagError('E_STATE', `${id} is not installed, so there is nothing to upgrade`);
  }
  const chosen = await solve({
    wishes,
    hostVersion: HOST_VERSION,
    upgrade: request.upgrade === true,
    candidates: (id) => choices.of(id),
  });
  for (const version of chosen.values()) requireOneDigest(version, request.lock);
  const order = new Set(wishes.flatMap(({ id }) => startOrder(id, chosen)));
  await stageMissing([...chosen.values()], operator, by, signal);
  const resolved: Resolved[] = [];
  for (const id of order) {
    const version = chosen.get(id);
    if (version === undefined) continue;
    const isMoved = !version.isInstalled;
    const now = await choices.installed(id);
    resolved.push({
      id,
      version: version.version,
      digest: version.digests[0] ?? '',
      registry: version.listed[0]?.registry.name ?? null,
      action: isMoved ? (now === undefined ? 'install' : 'upgrade') : 'none',
      state: now?.record.state ?? null,
      memberOf: isMoved ? bundleOf(id, chosen) : null,
      staged: isMoved ? await stagedOf(version, operator) : null,
    });
  }
  return resolved;
}

/** What may be chosen for each extension. Registries are read when the first is asked about that is not here. */
class Choices {
  readonly #request: ResolveRequest;
  readonly #registries: readonly Registry[];
  readonly #operator: Operator;
  readonly #signal: AbortSignal;
  #indexes: Promise<{ registry: Registry; index: RegistryIndex }[]> | undefined;
  #installed: Promise<Map<ExtensionId, ExtensionSummary>> | undefined;

  constructor(
    request: ResolveRequest,
    registries: readonly Registry[],
    operator: Operator,
    signal: AbortSignal,
  ) {
    this.#request = request;
    this.#registries = registries;
    this.#operator = operator;
    this.#signal = signal;
  }

  /** Newest first. @throws `E_LOCK_MISMATCH` */
  async of(id: ExtensionId): Promise<Version[]> {
    const { lock } = this.#request;
    const all = await this.#known(id);
    if (lock?.strict !== true) return all;
    const locked = Object.hasOwn(lock.packages, id) ? lock.packages[id] : undefined;
    if (locked === undefined) throw new MagError('E_LOCK_MISMATCH', `${id} is not in the lock file`);
    const same = all.filter(({ version }) => version === locked.version);
    const [now] = all;
    if (same.length === 0 && now?.isInstalled === true && all.length === 1)
      throw new MagError(
        'E_LOCK_MISMATCH',
        `${id} is installed as ${now.version}, locked is ${locked.version}`,
      );
    return same;
  }

  async installed(id: ExtensionId): Promise<ExtensionSummary | undefined> {
    this.#installed ??= this.#operator.list().then((all) => {
      const here = all.filter(({ record }) => isInstalled(record));
      return new Map(here.map((summary) => [summary.record.id, summary]));
    });
    return (await this.#installed).get(id);
  }

  async #known(id: ExtensionId): Promise<Version[]> {
    const now = await this.installed(id);
    const isWanted = Object.hasOwn(this.#request.wanted, id);
    if (now !== undefined && !(await this.#moves(id))) return [asInstalled(now)];
    const versions = new Map<string, Version>();
    for (const staged of await this.#operator.packages(id)) put(versions, asStaged(staged, now));
    if (!(isWanted && this.#request.staged === true))
      for (const listed of await this.#listed(id)) put(versions, asListed(listed));
    const all = [...versions.values()].sort((a, b) => semver.rcompare(a.version, b.version));
    // A member never goes back to an older version: that is what a rollback is for.
    const isNewer = ({ version }: Version) => now === undefined || semver.gte(version, now.record.version);
    return isWanted ? all : all.filter(isNewer);
  }

  async #moves(id: ExtensionId): Promise<boolean> {
    if (this.#request.upgrade !== true) return false;
    if (Object.hasOwn(this.#request.wanted, id)) return true;
    for (const wanted of Object.keys(this.#request.wanted) as ExtensionId[]) {
      const manifest = (await this.installed(wanted))?.manifest;
      if (manifest?.kind === 'bundle' && Object.hasOwn(manifest.extensions, id)) return true;
    }
    return false;
  }

  async #listed(id: ExtensionId): Promise<Listed[]> {
    this.#indexes ??= Promise.all(
      this.#registries.map(async (registry) => ({
        registry,
        index: await downloadIndex(registry, this.#signal),
      })),
    );
    return (await this.#indexes).flatMap(({ registry, index }) =>
      (index.get(id) ?? []).map((entry) => ({ entry, registry })),
    );
  }
}

function put(versions: Map<string, Version>, version: Version): void {
  const before = versions.get(version.version);
  const both = before && {
    digests: [...new Set([...before.digests, ...version.digests])],
    listed: [...before.listed, ...version.listed],
  };
  // What was verified here says what it needs, whatever an index says.
  versions.set(version.version, before === undefined ? version : { ...before, ...both });
}

function asInstalled({ record, manifest }: ExtensionSummary): Version {
  return {
    ...candidate(manifest, true),
    digests: [record.digest],
    isStaged: true,
    listed: [],
  };
}

function asStaged({ package: stored, manifest }: Staged, now: ExtensionSummary | undefined): Version {
  const isInstalled = now?.record.digest === stored.digest;
  return { ...candidate(manifest, isInstalled), digests: [stored.digest], isStaged: true, listed: [] };
}

function asListed(listed: Listed): Version {
  const { id, version, kind, engines, dependencies, digest } = listed.entry;
  const about = { id, version, kind, engines, dependencies, isInstalled: false };
  return { ...about, digests: [digest], isStaged: false, listed: [listed] };
}

function candidate(manifest: AnyManifest, isInstalled: boolean): Candidate {
  const { id, version, kind, engines } = manifest;
  const dependencies = manifest.kind === 'bundle' ? manifest.extensions : manifest.dependencies;
  return { id, version, kind, engines, dependencies, isInstalled };
}

/** A version is one package everywhere and for ever (spec 02). @throws `E_PKG_EQUIVOCATION`, `E_LOCK_MISMATCH` */
function requireOneDigest({ id, version, digests, listed }: Version, lock: Lock | undefined): void {
  if (digests.length > 1) {
    const where = listed.map(({ registry }) => registry.name).join(', ');
    throw new MagError(
      'E_PKG_EQUIVOCATION',
      `${id} ${version} is not the same package everywhere: on this host and in the registries ${where}`,
    );
  }
  const locked = lock !== undefined && Object.hasOwn(lock.packages, id) ? lock.packages[id] : undefined;
  if (locked === undefined || locked.version !== version || locked.digest === digests[0]) return;
  const code = lock?.strict === true ? 'E_LOCK_MISMATCH' : 'E_PKG_EQUIVOCATION';
  throw new MagError(code, `${id} ${version} has another content than the lock file says`);
}

/** In memory until all of them are verified; nothing is written anywhere before. */
async function stageMissing(
  chosen: readonly Version[],
  operator: Operator,
  by: Principal,
  signal: AbortSignal,
): Promise<void> {
  const missing = chosen.filter(({ isStaged }) => !isStaged).flatMap(({ listed }) => listed.slice(0, 1));
  const bytes = missing.reduce((sum, { entry }) => sum + entry.sizeBytes, 0);
  if (bytes > MAX_DOWNLOAD_BYTES)
    throw new MagError('E_REGISTRY', 'the packages are more than 128 MiB together: install them one by one');
  const packages: Submitted[] = [];
  for (const listed of missing) {
    const accept = (manifest: AnyManifest) => requireListed(manifest, listed);
    packages.push({ ...(await download(listed, signal)), accept });
  }
  if (packages.length > 0) await operator.stageAll(packages, by);
}

async function stagedOf({ id, version }: Version, operator: Operator): Promise<Staged | null> {
  return (await operator.packages(id)).find((staged) => staged.package.version === version) ?? null;
}

function bundleOf(id: ExtensionId, chosen: ReadonlyMap<ExtensionId, Version>): ExtensionId | null {
  for (const { id: bundle, kind, isInstalled, dependencies } of chosen.values())
    if (kind === 'bundle' && !isInstalled && Object.hasOwn(dependencies, id)) return bundle;
  return null;
}
