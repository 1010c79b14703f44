import semver from 'semver';
import type { BundleManifest, ExtensionId, Manifest } from '../../../manifests/manifest/manifest.ts';
import { MagError } from '../../errors.ts';
import type { ExtensionRecord } from '../../ports.ts';
import { type Node, startOrder } from '../../registry/dependencies.ts';
import { isInstalled } from '../moves.ts';
import type { Parts } from '../parts.ts';

/** What this host has of a member of a bundle. */
export interface Candidates {
  readonly id: ExtensionId;
  readonly range: string;
  /** The version that is installed. */
  readonly installed: string | null;
  /** Every version whose package is here. */
  readonly staged: readonly string[];
}

/** The version of a member that was chosen. */
export interface Choice {
  readonly id: ExtensionId;
  readonly version: string;
  readonly digest: string;
  readonly manifest: Manifest;
  /** `null`: it is not installed yet. */
  readonly installed: ExtensionRecord | null;
}

/**
 * The version of each member: an installed one stays when it satisfies, or, for the newest, gives way to the
 * newest package in range. Pure.
 * @throws `E_DEPENDENCY` naming every member that is missing or incompatible, with its range
 */
export function chooseVersions(
  bundle: ExtensionId,
  members: readonly Candidates[],
  wanted: 'installed' | 'newest',
): Map<ExtensionId, string> {
  const chosen = new Map<ExtensionId, string>();
  const problems: string[] = [];
  for (const member of members) {
    const version = choose(member, wanted);
    if (version === null) problems.push(problemOf(bundle, member));
    else chosen.set(member.id, version);
  }
  if (problems.length > 0) throw new MagError('E_DEPENDENCY', problems.join('; '));
  return chosen;
}

function choose({ range, installed, staged }: Candidates, wanted: 'installed' | 'newest'): string | null {
  const newest = semver.maxSatisfying([...staged], range);
  if (installed === null) return newest;
  const isGood = semver.satisfies(installed, range);
  if (wanted === 'installed') return isGood ? installed : null;
  // Never back to an older one: that is what a rollback is for.
  if (newest !== null && semver.gte(newest, installed)) return newest;
  return isGood ? installed : null;
}

function problemOf(bundle: ExtensionId, { id, range, installed, staged }: Candidates): string {
  if (installed !== null)
    return `incompatible: ${bundle} -> ${id} is installed as ${installed}, needed is ${range}`;
  const here = staged.length === 0 ? 'no version of it is' : `staged are ${staged.join(', ')}`;
  return `missing: ${bundle} -> ${id} ${range} is not staged, ${here}`;
}

export function memberIds({ extensions }: Pick<BundleManifest, 'extensions'>): ExtensionId[] {
  return Object.keys(extensions) as ExtensionId[];
}

/** What this host has of each member. */
export async function candidatesOf(
  { extensions }: Pick<BundleManifest, 'extensions'>,
  { stores }: Pick<Parts, 'stores'>,
): Promise<Candidates[]> {
  return Promise.all(
    (Object.entries(extensions) as [ExtensionId, string][]).map(async ([id, range]) => {
      const [record, packages] = [await stores.extensions.get(id), await stores.packages.list(id)];
      const installed = record !== null && isInstalled(record) ? record.version : null;
      return { id, range, installed, staged: packages.map(({ version }) => version) };
    }),
  );
}

/**
 * The members of a bundle in the versions it is to have, dependencies first.
 * @throws `E_DEPENDENCY` naming what is missing, incompatible or circular
 */
export async function resolveMembers(
  bundle: BundleManifest,
  parts: Pick<Parts, 'registry' | 'stores'>,
  wanted: 'installed' | 'newest',
): Promise<Choice[]> {
  const versions = chooseVersions(bundle.id, await candidatesOf(bundle, parts), wanted);
  const choices = new Map<ExtensionId, Choice>();
  for (const [id, version] of versions) choices.set(id, await choiceOf(bundle, id, version, parts));
  const peers = new Map([...choices].map(([id, { manifest }]) => [id, manifest as Node]));
  const order = await memberOrder(bundle, parts, peers);
  return order.flatMap((id) => choices.get(id) ?? []);
}

async function choiceOf(
  bundle: BundleManifest,
  id: ExtensionId,
  version: string,
  { registry, stores }: Pick<Parts, 'registry' | 'stores'>,
): Promise<Choice> {
  const stored = await stores.packages.find(id, version);
  if (stored === null) throw new MagError('E_NOT_FOUND', `the package of ${id} ${version} is gone`);
  const manifest = await registry.describe(stored.digest);
  if (manifest.kind === 'bundle')
    throw new MagError('E_DEPENDENCY', `${bundle.id} -> ${id} is a bundle: only extensions can be members`);
  const record = await stores.extensions.get(id);
  const installed = record !== null && isInstalled(record) ? record : null;
  return { id, version, digest: stored.digest, manifest, installed };
}

/**
 * The members and what they need, in the order they must start.
 * @param peers what is moved with them, as it will be
 * @throws `E_DEPENDENCY` naming the path, which begins with the bundle
 */
export async function memberOrder(
  { id, version, extensions }: BundleManifest,
  { registry }: Pick<Parts, 'registry'>,
  peers: ReadonlyMap<ExtensionId, Node> = new Map(),
): Promise<ExtensionId[]> {
  const nodes = new Map<string, Node>([...(await registry.nodes()), ...peers]);
  nodes.set(id, { id, version, dependencies: extensions });
  return startOrder(id, nodes).filter((member) => member !== id);
}
