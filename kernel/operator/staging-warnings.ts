import semver from 'semver';
import type { AnyManifest, BundleManifest, Manifest } from '../../manifests/manifest/manifest.ts';
import { candidatesOf } from '../lifecycle/bundles/members.ts';
import type { Parts } from '../lifecycle/parts.ts';
import { HOST_VERSION } from '../version.ts';

type Sources = Pick<Parts, 'registry' | 'stores' | 'lacks'>;

/** What would make an install fail, or keep it from working, told early: it may be mended by then. */
export async function stagingWarnings(manifest: AnyManifest, parts: Sources): Promise<string[]> {
  const warnings =
    manifest.kind === 'bundle'
      ? await missingMembers(manifest, parts)
      : [...(await missingDependencies(manifest, parts)), ...(await parts.lacks(manifest))];
  if (semver.satisfies(HOST_VERSION, manifest.engines.magflock)) return warnings;
  return [...warnings, `needs MagFlock ${manifest.engines.magflock}, this is ${HOST_VERSION}`];
}

async function missingDependencies({ dependencies }: Manifest, { registry }: Sources): Promise<string[]> {
  const nodes = await registry.nodes();
  return Object.entries(dependencies)
    .filter(([id, range]) => !semver.satisfies(nodes.get(id)?.version ?? '0.0.0-missing', range))
    .map(([id, range]) => `needs ${id} ${range}, which is not installed`);
}

async function missingMembers(bundle: BundleManifest, parts: Sources): Promise<string[]> {
  return (await candidatesOf(bundle, parts))
    .filter(({ range, staged }) => semver.maxSatisfying([...staged], range) === null)
    .map(({ id, range }) => `its member ${id} ${range} is not staged`);
}
