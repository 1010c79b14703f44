import semver from 'semver';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { KeptVersion, StoredPackage, Stores } from '../ports.ts';
import { dependentsOf, type Node, startOrder } from '../registry/dependencies.ts';
import { HOST_VERSION } from '../version.ts';
import { completeConfig } from './configuration.ts';
import type { Parts } from './parts.ts';

// Which version an operation may lead to: the same rules for extensions and bundles.

/** What else is moved in the same operation, as it will be: dependencies are judged by that. */
export type Peers = ReadonlyMap<ExtensionId, Node>;
export const NO_PEERS: Peers = new Map();

/** @throws `E_NOT_FOUND` */
export async function stagedVersion(
  id: ExtensionId,
  version: string,
  { packages }: Pick<Stores, 'packages'>,
): Promise<StoredPackage> {
  const staged = await packages.find(id, version);
  if (staged !== null) return staged;
  throw new MagError('E_NOT_FOUND', `${id} ${version} is not staged`);
}

/**
 * A version to go back to.
 * @param wanted absent: the one before
 * @throws `E_NOT_FOUND`
 */
export async function keptVersion(
  id: ExtensionId,
  wanted: string | undefined,
  { extensions }: Pick<Stores, 'extensions'>,
): Promise<KeptVersion> {
  const kept = await extensions.kept(id);
  const found = kept.find(({ version }) => wanted === undefined || version === wanted);
  if (found !== undefined) return found;
  const which = wanted === undefined ? 'no other version' : `not ${wanted}`;
  throw new MagError('E_NOT_FOUND', `of ${id} ${which} is kept to go back to`);
}

/** @throws `E_STATE` when the package is the one that is there */
export function refuseSame(
  { id, digest: present }: { readonly id: ExtensionId; readonly digest: string },
  { version, digest }: { readonly version: string; readonly digest: string },
): void {
  if (digest === present) throw new MagError('E_STATE', `${id} is at ${version} already`);
}

/** @throws `E_PKG_ROLLBACK` when the version is older than the highest ever installed (spec 02) */
export function refuseRollback(
  { id, version }: Pick<Manifest, 'id' | 'version'>,
  highestVersion: string | null,
): void {
  if (highestVersion === null || semver.gte(version, highestVersion)) return;
  throw new MagError('E_PKG_ROLLBACK', `${id} ${highestVersion} was installed before; ${version} is older`);
}

/** @throws `E_INCOMPATIBLE` when it was not made for this version of the host */
export function requireHostVersion({ id, engines }: Pick<Manifest, 'id' | 'engines'>): void {
  if (semver.satisfies(HOST_VERSION, engines.magflock)) return;
  throw new MagError('E_INCOMPATIBLE', `${id} needs MagFlock ${engines.magflock}, this is ${HOST_VERSION}`);
}

/**
 * That an extension can be in this version, with this configuration and beside what is installed.
 * @throws `E_INCOMPATIBLE`, `E_DEPENDENTS`, `E_DEPENDENCY`, `E_CONFIG_INVALID`
 */
export async function requireCompatible(
  manifest: Manifest,
  config: JsonObject,
  { registry }: Pick<Parts, 'registry'>,
  peers: Peers,
): Promise<void> {
  requireHostVersion(manifest);
  const { id, version } = manifest;
  const nodes = new Map([...(await registry.nodes()), ...peers]);
  const broken = dependentsOf(id, nodes.values()).filter(
    (other) => !semver.satisfies(version, nodes.get(other)?.dependencies[id] ?? '*'),
  );
  if (broken.length > 0)
    throw new MagError('E_DEPENDENTS', `${broken.join(', ')} cannot work with ${id} ${version}`);
  nodes.set(id, manifest);
  startOrder(id, nodes);
  completeConfig(manifest, config);
}

/**
 * @param stuck what going back would have to reverse, and nothing reverses
 * @throws `E_IRREVERSIBLE` unless it is to be left as it is
 */
export function refuseIrreversible(stuck: readonly string[], { force }: { readonly force: boolean }): void {
  if (stuck.length === 0 || force) return;
  const names = stuck.join(', ');
  throw new MagError('E_IRREVERSIBLE', `${names} cannot be reversed; force goes back and leaves it`);
}

/** The highest version ever installed, with this one. */
export function highest(before: string | null, version: string): string {
  return before !== null && semver.gt(before, version) ? before : version;
}
