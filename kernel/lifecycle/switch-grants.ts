import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { approvedOf } from './install-steps.ts';
import type { Parts } from './parts.ts';
import type { Step } from './steps.ts';
import type { SwitchInput } from './switch-input.ts';

/**
 * Grants what was approved of what is new. Everything else runs on the grants it has (spec 03).
 * @param manifest of the new version
 */
export function approveStep(input: SwitchInput, manifest: () => Manifest, parts: Parts): Step {
  return {
    name: 'approve capabilities',
    run: () => approve(manifest(), input, parts),
    undo: () => restoreGrants(input, parts),
  };
}

async function approve(manifest: Manifest, input: SwitchInput, { stores, data }: Parts): Promise<string> {
  const added = addedBy(input, manifest);
  for (const { capability, scope } of added) {
    await stores.grants.put({ extension: input.id, capability, scope, grantedBy: input.principal });
  }
  await data.syncGrants(input.id, await stores.grants.list(input.id));
  return added.length === 0 ? 'nothing new' : added.map(({ capability }) => capability).join(', ');
}

/** What the switch itself grants. */
function addedBy({ kind, approve, grantsBefore }: SwitchInput, manifest: Manifest) {
  if (kind !== 'upgrade') return [];
  const held = new Set(grantsBefore.map(({ capability }) => capability));
  return approvedOf(manifest, approve).filter(({ capability }) => approve !== 'all' || !held.has(capability));
}

/** Takes back what the switch granted, and nothing that an operator changed meanwhile: what was revoked stays so. */
async function restoreGrants(input: SwitchInput, { stores, data, registry }: Parts): Promise<void> {
  const { id, digest, grantsBefore, principal } = input;
  const before = new Map(grantsBefore.map(({ capability, scope }) => [capability, scope]));
  const now = new Map((await stores.grants.list(id)).map(({ capability, scope }) => [capability, scope]));
  for (const { capability, scope } of addedBy(input, await registry.manifest(digest))) {
    const isAsPut = now.has(capability) && isDeepStrictEqual(now.get(capability), scope);
    if (!isAsPut) continue;
    const earlier = before.get(capability);
    if (earlier === undefined) await stores.grants.remove(id, capability);
    else await stores.grants.put({ extension: id, capability, scope: earlier, grantedBy: principal });
  }
  await data.syncGrants(id, await stores.grants.list(id));
}
