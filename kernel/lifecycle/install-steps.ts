import { type CapabilityName, isCapability, type Scope } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { RecordContent } from '../ports.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { completeConfig } from './configuration.ts';
import { ping, runPhase } from './guest.ts';
import type { Parts } from './parts.ts';
import { rehearse } from './rehearsal.ts';
import type { Step } from './steps.ts';
import { highest, type Peers, refuseRollback, requireCompatible } from './target-version.ts';

/** What an install was asked to do, as it is journaled: enough to undo it after a crash. */
export interface InstallInput {
  readonly id: ExtensionId;
  readonly version: string;
  readonly digest: string;
  /** Names of capabilities, or all that are declared. */
  readonly approve: readonly string[] | 'all';
  readonly config: JsonObject;
  readonly principal: string;
  /** Its schema was there before, kept from an earlier install: undoing must not drop it. */
  readonly hadData: boolean;
}

/** The steps from a staged package to an installed extension (spec 06, install). */
export function installSteps(input: InstallInput, before: RecordContent, parts: Parts, peers: Peers): Step[] {
  const { id } = input;
  const { stores, registry, data } = parts;
  let verified: Verified<Package> | undefined;
  const package_ = async () => (verified ??= await registry.verified(input.digest));
  return [
    { name: 'verify signature', run: () => package_() },
    {
      name: 'check compatibility',
      run: async () => {
        const { manifest } = await package_();
        refuseRollback(manifest, before.highestVersion);
        await requireCompatible(manifest, input.config, parts, peers);
      },
    },
    {
      name: 'approve capabilities',
      run: async () => approve((await package_()).manifest, input, parts),
      undo: async () => {
        for (const { capability } of await stores.grants.list(id)) await stores.grants.remove(id, capability);
      },
    },
    {
      name: 'create role and schema',
      run: () => data.provision(id),
      undo: async () => {
        await data.deprovision(id, { dropData: !input.hadData });
        if (input.hadData) return;
        await stores.state.clear(id);
        await parts.files.clear(id);
      },
    },
    {
      name: 'run migrations',
      run: async () => {
        const applied = await data.migrate(id, (await package_()).migrations);
        await data.syncGrants(id, await stores.grants.list(id)); // also covers tables that are new
        return applied.length === 0 ? 'none' : applied.join(', ');
      },
    },
    {
      name: 'install(), health check 1: responds to ping',
      run: async () => {
        const { manifest } = await package_();
        await rehearse(await package_(), completeConfig(manifest, input.config), parts, async (process) => {
          await runPhase(process, manifest, 'install');
          await ping(process, manifest);
        });
      },
    },
    {
      name: 'record',
      run: async () => {
        await stores.extensions.put({
          id,
          state: 'installed',
          version: input.version,
          digest: input.digest,
          highestVersion: highest(before.highestVersion, input.version),
          config: input.config,
          reason: null,
        });
      },
      undo: () => stores.extensions.put(before),
    },
  ];
}

async function approve(manifest: Manifest, input: InstallInput, { stores }: Parts): Promise<string> {
  const approved = approvedOf(manifest, input.approve);
  for (const { capability, scope } of approved) {
    await stores.grants.put({ extension: input.id, capability, scope, grantedBy: input.principal });
  }
  const names = approved.map(({ capability }) => capability);
  return names.length === 0 ? 'none' : names.join(', ');
}

/** @throws `E_APPROVAL` when a name is not among the declared */
export function approvedOf(
  manifest: Manifest,
  approve: readonly string[] | 'all',
): { capability: CapabilityName; scope: Scope | null }[] {
  const declared = new Map(manifest.capabilities.map((request) => [request.name, request]));
  const names = approve === 'all' ? [...declared.keys()] : [...new Set(approve)];
  return names.map((name) => {
    const request = declared.get(name);
    if (request === undefined || !isCapability(name)) {
      throw new MagError('E_APPROVAL', `${manifest.id} does not declare ${name}`);
    }
    return { capability: name, scope: request.scope ?? null };
  });
}
