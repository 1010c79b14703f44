import { contributionTexts } from '../../manifests/manifest/contributions.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { irreversible } from '../lifecycle/switch-migrations.ts';
import type { UpgradePlan } from '../operator.ts';
import type { LoadedPackage } from '../trust/verify.ts';

type Planned = Pick<LoadedPackage, 'manifest' | 'migrations'>;

/** What an upgrade from one package to another changes. Pure. */
export function planUpgrade(from: Planned, to: Planned, sizeBytes: UpgradePlan['sizeBytes']): UpgradePlan {
  const present = from.migrations.map(({ name }) => name);
  const before = contributionTexts(from.manifest.contributes);
  const after = contributionTexts(to.manifest.contributes);
  return {
    from: from.manifest.version,
    to: to.manifest.version,
    capabilities: capabilityChanges(from.manifest, to.manifest),
    dependencies: rangeChanges(from.manifest.dependencies, to.manifest.dependencies),
    migrations: {
      run: to.migrations.map(({ name }) => name).filter((name) => !present.includes(name)),
      irreversible: irreversible(to, present),
    },
    contributions: { added: without(after, before), removed: without(before, after) },
    sizeBytes,
  };
}

function capabilityChanges(from: Manifest, to: Manifest): UpgradePlan['capabilities'] {
  const before = new Map(from.capabilities.map((request) => [request.name, request]));
  const after = new Set(to.capabilities.map(({ name }) => name));
  const changed = to.capabilities.flatMap(({ name, scope = null }) => {
    const old = before.get(name);
    const was = old?.scope ?? null;
    return old === undefined || JSON.stringify(was) === JSON.stringify(scope)
      ? []
      : [{ name, from: was, to: scope }];
  });
  return {
    added: to.capabilities.filter(({ name }) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed,
  };
}

/** What changed between two sets of ranges, by extension id. */
export function rangeChanges(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): UpgradePlan['dependencies'] {
  const before = new Map(Object.entries(from));
  const after = Object.entries(to);
  return {
    added: Object.fromEntries(after.filter(([id]) => !before.has(id))),
    removed: without([...before.keys()], Object.keys(to)),
    changed: Object.fromEntries(
      after.flatMap(([id, range]) => {
        const was = before.get(id);
        return was === undefined || was === range ? [] : [[id, { from: was, to: range }]];
      }),
    ),
  };
}

function without(all: readonly string[], these: readonly string[]): string[] {
  return all.filter((one) => !these.includes(one));
}
