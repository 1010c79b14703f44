import semver from 'semver';
import type { AnyManifest, CapabilityRequest, ExtensionId } from '../../manifests/manifest/manifest.ts';
import { isInstalled } from '../lifecycle/moves.ts';
import type { Parts } from '../lifecycle/parts.ts';
import type { BundleMember } from '../operator.ts';

type Sources = Pick<Parts, 'registry' | 'stores'>;

/** The members of a bundle as they stand on this host; none for an extension. */
export async function membersOf(manifest: AnyManifest, parts: Sources): Promise<BundleMember[]> {
  if (manifest.kind === 'extension') return [];
  const members = Object.entries(manifest.extensions) as [ExtensionId, string][];
  return Promise.all(members.map(([id, range]) => memberOf(id, range, parts)));
}

async function memberOf(
  id: ExtensionId,
  range: string,
  { registry, stores }: Sources,
): Promise<BundleMember> {
  const record = await stores.extensions.get(id);
  const state = record?.state ?? null;
  if (record !== null && isInstalled(record)) {
    const { version } = record;
    const satisfied = semver.satisfies(version, range);
    return { id, range, state, version, satisfied, capabilities: await asked(record.digest, registry) };
  }
  const packages = await stores.packages.list(id);
  const version = semver.maxSatisfying(
    packages.map((stored) => stored.version),
    range,
  );
  const staged = packages.find((stored) => stored.version === version);
  const capabilities = staged === undefined ? [] : await asked(staged.digest, registry);
  return { id, range, state, version, satisfied: version !== null, capabilities };
}

async function asked(digest: string, registry: Sources['registry']): Promise<readonly CapabilityRequest[]> {
  const manifest = await registry.describe(digest);
  return manifest.kind === 'extension' ? manifest.capabilities : [];
}
