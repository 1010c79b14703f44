import { type CapabilityName, isCapability, type Scope } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { RecordContent } from '../ports.ts';
import { type Node, startOrder } from '../registry/dependencies.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { completeConfig } from './configuration.ts';
import { ping, runPhase } from './guest.ts';
import type { Parts } from './parts.ts';
import type { Step } from './steps.ts';
import { highest, refuseRollback, requireHostVersion } from './target-version.ts';

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

/** What else is moved in the same operation, as it will be: dependencies are judged by that. */
export type Peers = ReadonlyMap<ExtensionId, Node>;
export const NO_PEERS: Peers = new Map();

/** The steps from a staged package to an installed extension (spec 06, install). */
export function installSteps(input: InstallInput, before: RecordContent, parts: Parts, peers: Peers): Step[] {
  const { id } = input;
  const { stores, registry, data, gate } = parts;
  let verified: Verified<Package> | undefined;
  const package_ = async () => (verified ??= await registry.verified(input.digest));
  return [
    { name: 'verify signature', run: () => package_() },
    {
      name: 'check compatibility',
      run: async () => checkCompatibility((await package_()).manifest, before, parts, input, peers),
    },
    {
      name: 'approve capabilities',
      run: async () => approve((await package_()).manifest, input, parts),
      undo: async () => {
        for (const { capability } of await stores.grants.list(id)) await stores.grants.remove(id, capability);
        gate.release(id);
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
      run: async () => rehearse(await package_(), input, parts),
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

async function checkCompatibility(
  manifest: Manifest,
  before: RecordContent,
  { registry }: Parts,
  input: InstallInput,
  peers: Peers,
): Promise<void> {
  requireHostVersion(manifest);
  refuseRollback(manifest, before.highestVersion);
  const nodes = new Map([...(await registry.nodes()), ...peers]);
  nodes.set(manifest.id, manifest);
  startOrder(manifest.id, nodes);
  completeConfig(manifest, input.config);
}

async function approve(manifest: Manifest, input: InstallInput, { stores, gate }: Parts): Promise<string> {
  const approved = approvedOf(manifest, input.approve);
  for (const { capability, scope } of approved) {
    await stores.grants.put({ extension: input.id, capability, scope, grantedBy: input.principal });
  }
  gate.hold(manifest, approved);
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

/** Runs `install()` in a cell of its own that ends with the step. */
async function rehearse(verified: Verified<Package>, input: InstallInput, parts: Parts): Promise<void> {
  const { manifest } = verified;
  parts.types.declare(manifest.id, verified.eventSchemas);
  const process = parts.running.create(verified, completeConfig(manifest, input.config), []);
  try {
    await process.start();
    await runPhase(process, manifest, 'install');
    await ping(process, manifest);
  } finally {
    await process.stop(0);
    parts.types.retract(manifest.id);
    parts.gate.release(manifest.id);
  }
}
