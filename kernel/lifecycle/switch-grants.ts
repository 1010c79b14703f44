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

async function approve(manifest: Manifest, input: SwitchInput, parts: Parts): Promise<string> {
  const { stores, data } = parts;
  const added = await addedBy(input, manifest, parts);
  for (const { capability, scope } of added) {
    await stores.grants.put({ extension: input.id, capability, scope, grantedBy: input.principal });
  }
  await data.syncGrants(input.id, await stores.grants.list(input.id));
  return added.length === 0 ? 'nothing new' : added.map(({ capability }) => capability).join(', ');
}

/** What the switch itself grants. By `all` nothing that the old version asked for too: it may have been taken away. */
async function addedBy({ kind, approve, from, grantsBefore }: SwitchInput, manifest: Manifest, parts: Parts) {
  if (kind !== 'upgrade') return [];
  const approved = approvedOf(manifest, approve);
  if (approve !== 'all') return approved;
  const { capabilities } = await parts.registry.manifest(from.digest);
  const known = new Set([
    ...grantsBefore.map(({ capability }) => capability),
    ...capabilities.map(({ name }) => name),
  ]);
  return approved.filter(({ capability }) => !known.has(capability));
}

/** Takes back what the switch granted, and nothing that an operator changed meanwhile: what was revoked stays so. */
async function restoreGrants(input: SwitchInput, parts: Parts): Promise<void> {
  const { stores, data, registry } = parts;
  const { id, digest, grantsBefore, principal } = input;
  const before = new Map(grantsBefore.map(({ capability, scope }) => [capability, scope]));
  const now = new Map((await stores.grants.list(id)).map(({ capability, scope }) => [capability, scope]));
  for (const { capability, scope } of await addedBy(input, await registry.manifest(digest), parts)) {
    const isAsPut = now.has(capability) && isDeepStrictEqual(now.get(capability), scope);
    if (!isAsPut) continue;
    const earlier = before.get(capability);
    if (earlier === undefined) await stores.grants.remove(id, capability);
    else await stores.grants.put({ extension: id, capability, scope: earlier, grantedBy: principal });
  }
  await data.syncGrants(id, await stores.grants.list(id));
}
