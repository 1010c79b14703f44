import type { Manifest } from '../../manifests/manifest/manifest.ts';
import type { UpgradePlan } from '../operator.ts';
import type { LoadedPackage } from '../trust/verify.ts';
import { endpointKey } from './guest.ts';
import { irreversible } from './switch-steps.ts';

/** What an upgrade from one package to another changes. Pure. */
export function planUpgrade(
  from: LoadedPackage,
  to: LoadedPackage,
  sizeBytes: UpgradePlan['sizeBytes'],
): UpgradePlan {
  const present = from.migrations.map(({ name }) => name);
  return {
    from: from.manifest.version,
    to: to.manifest.version,
    capabilities: capabilityChanges(from.manifest, to.manifest),
    dependencies: dependencyChanges(from.manifest, to.manifest),
    migrations: {
      run: to.migrations.map(({ name }) => name).filter((name) => !present.includes(name)),
      irreversible: irreversible(to, present),
    },
    contributions: {
      added: without(contributionsOf(to.manifest), contributionsOf(from.manifest)),
      removed: without(contributionsOf(from.manifest), contributionsOf(to.manifest)),
    },
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

function dependencyChanges(from: Manifest, to: Manifest): UpgradePlan['dependencies'] {
  const before = new Map(Object.entries(from.dependencies));
  const after = Object.entries(to.dependencies);
  return {
    added: Object.fromEntries(after.filter(([id]) => !before.has(id))),
    removed: without([...before.keys()], Object.keys(to.dependencies)),
    changed: Object.fromEntries(
      after.flatMap(([id, range]) => {
        const was = before.get(id);
        return was === undefined || was === range ? [] : [[id, { from: was, to: range }]];
      }),
    ),
  };
}

/** Everything a manifest adds to the platform, as text: `endpoint GET /greet`, `hook maggate.wrap_request`. */
function contributionsOf({ contributes }: Manifest): string[] {
  return [
    ...contributes.endpoints.map((endpoint) => `endpoint ${endpointKey(endpoint)} (auth ${endpoint.auth})`),
    ...contributes.hooks.map(({ hook }) => `hook ${hook}`),
    ...contributes.events.subscribes.map((type) => `subscribes ${type}`),
    ...contributes.events.publishes.map(({ type }) => `publishes ${type}`),
  ];
}

function without(all: readonly string[], these: readonly string[]): string[] {
  return all.filter((one) => !these.includes(one));
}
