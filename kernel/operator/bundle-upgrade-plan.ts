import { NO_CONTRIBUTIONS } from '../../manifests/manifest/contributions.ts';
import type { BundleManifest, ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { resolveMembers } from '../lifecycle/bundles/members.ts';
import type { Parts } from '../lifecycle/parts.ts';
import type { UpgradePlan } from '../operator.ts';
import { planUpgrade, rangeChanges } from './upgrade-plan.ts';

type Sources = Pick<Parts, 'registry' | 'stores'>;

/** What an upgrade of a bundle would change: of every member that moves, and all of it together. */
export async function planBundleUpgrade(
  from: BundleManifest,
  to: BundleManifest,
  ownBytes: UpgradePlan['sizeBytes'],
  parts: Sources,
): Promise<UpgradePlan> {
  const choices = await resolveMembers(to, parts, 'newest');
  const members: MemberPlan[] = [];
  const sizes = [ownBytes];
  for (const { id, version, digest, manifest, installed } of choices) {
    if (installed?.digest === digest) continue;
    const size = {
      from: installed === null ? 0 : await bytesOf(id, installed.version, parts),
      to: await bytesOf(id, version, parts),
    };
    sizes.push(size);
    const next = await parts.registry.loaded(digest);
    const plan =
      installed === null
        ? planUpgrade(nothing(manifest), next, size)
        : planUpgrade(await parts.registry.loaded(installed.digest), next, size);
    members.push({ id, ...plan, from: installed?.version ?? null });
  }
  return {
    from: from.version,
    to: to.version,
    ...together(members),
    dependencies: rangeChanges(from.extensions, to.extensions),
    sizeBytes: { from: sum(sizes.map((size) => size.from)), to: sum(sizes.map((size) => size.to)) },
    members,
  };
}

type MemberPlan = NonNullable<UpgradePlan['members']>[number];

function together(
  members: readonly MemberPlan[],
): Pick<UpgradePlan, 'capabilities' | 'migrations' | 'contributions'> {
  const all = (list: (member: MemberPlan) => readonly string[]) =>
    members.flatMap((member) => list(member).map((name) => `${member.id}: ${name}`));
  return {
    capabilities: {
      added: members.flatMap(({ id, capabilities }) =>
        capabilities.added.map((request) => ({ ...request, member: id })),
      ),
      removed: all(({ capabilities }) => capabilities.removed),
      changed: members.flatMap(({ id, capabilities }) =>
        capabilities.changed.map((change) => ({ ...change, name: `${id}: ${change.name}` })),
      ),
    },
    migrations: {
      run: all(({ migrations }) => migrations.run),
      irreversible: all(({ migrations }) => migrations.irreversible),
    },
    contributions: {
      added: all(({ contributions }) => contributions.added),
      removed: all(({ contributions }) => contributions.removed),
    },
  };
}

/** Of a member that is not there yet everything is new. */
function nothing(manifest: Manifest): Parameters<typeof planUpgrade>[0] {
  return {
    manifest: { ...manifest, capabilities: [], dependencies: {}, contributes: NO_CONTRIBUTIONS },
    migrations: [],
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function bytesOf(id: ExtensionId, version: string, { stores }: Sources): Promise<number> {
  return (await stores.packages.find(id, version))?.sizeBytes ?? 0;
}
