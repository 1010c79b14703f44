import semver from 'semver';
import type { CapabilityName, Scope } from '../../manifests/catalog/index.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord } from '../ports.ts';
import { dependentsOf, startOrder } from '../registry/dependencies.ts';
import type { ExtensionProcess } from '../sandbox/cell.ts';
import type { LoadedPackage, Package, Verified } from '../trust/verify.ts';
import { HOST_VERSION } from '../version.ts';
import { completeConfig } from './configuration.ts';
import { checkHealth, ping, requireContributions } from './guest.ts';
import { approvedOf, highest, refuseRollback } from './install-steps.ts';
import type { Parts } from './parts.ts';
import type { Running, RunningExtensions } from './running-extensions.ts';
import type { Step } from './steps.ts';

/** How long calls of the replaced version may take to end (spec 06, upgrade). */
const DRAIN_MS = 30_000;

/** What an upgrade or rollback was asked to do, as it is journaled: enough to undo it after a crash. */
export interface SwitchInput {
  readonly id: ExtensionId;
  readonly kind: 'upgrade' | 'rollback';
  readonly from: { readonly version: string; readonly digest: string };
  readonly version: string;
  readonly digest: string;
  /** Of what is new; the rest stays as it was granted. */
  readonly approve: readonly string[] | 'all';
  readonly principal: string;
  /** Roll back although a migration stays that cannot be reversed. */
  readonly force: boolean;
  readonly grantsBefore: readonly { readonly capability: CapabilityName; readonly scope: Scope | null }[];
}

/** What the steps hand on to each other. */
interface Switch {
  verified?: Verified<Package>;
  old?: LoadedPackage;
  process?: ExtensionProcess;
  replaced?: Running;
}

/**
 * The steps from one version to another (spec 06, upgrade and rollback). The old version serves until the new
 * one passed its check; a failure at any step before leaves it serving.
 */
export function switchSteps(
  input: SwitchInput,
  record: ExtensionRecord,
  parts: Parts,
  running: RunningExtensions,
): Step[] {
  const state: Switch = {};
  const enabled = record.state === 'enabled';
  return [
    {
      name: 'verify signature',
      run: async () => {
        state.verified = await parts.registry.verified(input.digest);
        state.old = await parts.registry.loaded(input.from.digest);
      },
    },
    {
      name: 'check compatibility',
      run: () => checkCompatibility(need(state.verified), input, record, parts),
    },
    {
      name: 'approve capabilities',
      run: () => approve(need(state.verified).manifest, input, parts),
      undo: () => restoreGrants(input, parts),
    },
    ...(input.kind === 'upgrade' ? [expandStep(input, state, parts)] : []),
    ...(enabled ? liveSteps(input, record, state, parts, running) : [rehearseStep(record, state, running)]),
    {
      name: 'record',
      run: () => recordVersion(input, parts),
      undo: async () => {
        const { updatedAt: _, ...before } = record;
        await parts.stores.extensions.put(before);
        await parts.stores.extensions.forget(input.id, input.from.version);
      },
    },
    ...(input.kind === 'rollback' ? [contractStep(input, state, parts)] : []),
    ...(enabled ? [retireStep(state, parts, running)] : []),
  ];
}

async function checkCompatibility(
  { manifest }: Verified<Package>,
  input: SwitchInput,
  record: ExtensionRecord,
  { registry }: Parts,
): Promise<void> {
  if (!semver.satisfies(HOST_VERSION, manifest.engines.magflock)) {
    throw new MagError(
      'E_INCOMPATIBLE',
      `${manifest.id} ${manifest.version} needs MagFlock ${manifest.engines.magflock}`,
    );
  }
  if (input.kind === 'upgrade') refuseRollback(manifest, record.highestVersion);
  const nodes = await registry.nodes();
  const broken = dependentsOf(input.id, nodes.values()).filter(
    (other) => !semver.satisfies(manifest.version, nodes.get(other)?.dependencies[input.id] ?? '*'),
  );
  if (broken.length > 0) {
    throw new MagError(
      'E_DEPENDENTS',
      `${broken.join(', ')} cannot work with ${input.id} ${manifest.version}`,
    );
  }
  nodes.set(input.id, manifest);
  startOrder(input.id, nodes);
  completeConfig(manifest, record.config);
}

/** Grants what was approved of what is new. Everything else runs on the grants it has (spec 03). */
async function approve(manifest: Manifest, input: SwitchInput, { stores, data }: Parts): Promise<string> {
  const held = new Set(input.grantsBefore.map(({ capability }) => capability));
  const added = approvedOf(manifest, input.approve).filter(
    ({ capability }) => input.approve !== 'all' || !held.has(capability),
  );
  for (const { capability, scope } of input.kind === 'upgrade' ? added : []) {
    await stores.grants.put({ extension: input.id, capability, scope, grantedBy: input.principal });
  }
  await data.syncGrants(input.id, await stores.grants.list(input.id));
  return added.length === 0 ? 'nothing new' : added.map(({ capability }) => capability).join(', ');
}

async function restoreGrants(
  { id, grantsBefore, principal }: SwitchInput,
  { stores, data }: Parts,
): Promise<void> {
  const before = new Set(grantsBefore.map(({ capability }) => capability));
  for (const { capability } of await stores.grants.list(id)) {
    if (!before.has(capability)) await stores.grants.remove(id, capability);
  }
  const now = new Map((await stores.grants.list(id)).map((grant) => [grant.capability, grant]));
  for (const { capability, scope } of grantsBefore) {
    if (JSON.stringify(now.get(capability)?.scope) === JSON.stringify(scope)) continue;
    await stores.grants.put({ extension: id, capability, scope, grantedBy: principal });
  }
  await data.syncGrants(id, await stores.grants.list(id));
}

/** Expand first: the old version goes on working with what the new migrations add. */
function expandStep(input: SwitchInput, state: Switch, { data, stores, registry }: Parts): Step {
  return {
    name: 'run migrations',
    run: async () => {
      const applied = await data.migrate(input.id, need(state.verified).migrations);
      await data.syncGrants(input.id, await stores.grants.list(input.id));
      return applied.length === 0 ? 'none' : applied.join(', ');
    },
    undo: async () => {
      const { migrations } = await registry.loaded(input.digest);
      const keep = namesOf((await registry.loaded(input.from.digest)).migrations);
      const added = migrations.filter(({ name }) => !keep.includes(name));
      // One that cannot be reversed stays: it only added, and the old version works with it.
      if (added.every(({ down }) => down !== null)) await data.unmigrate(input.id, migrations, keep);
    },
  };
}

/** After the switch: the version that serves again was written for the tables without these. */
function contractStep(input: SwitchInput, state: Switch, { data }: Parts): Step {
  return {
    name: 'reverse migrations',
    run: async () => {
      const old = need(state.old);
      const keep = namesOf(need(state.verified).migrations);
      if (input.force && irreversible(old, keep).length > 0) return 'irreversible, left as they are';
      const reversed = await data.unmigrate(input.id, old.migrations, keep);
      return reversed.length === 0 ? 'none' : reversed.join(', ');
    },
  };
}

/** The migrations beyond `keep` that have no way back. */
export function irreversible(
  { migrations }: Pick<LoadedPackage, 'migrations'>,
  keep: readonly string[],
): string[] {
  return namesOf(migrations.filter(({ name, down }) => down === null && !keep.includes(name)));
}

function liveSteps(
  input: SwitchInput,
  record: ExtensionRecord,
  state: Switch,
  parts: Parts,
  running: RunningExtensions,
): Step[] {
  const { id } = input;
  const schemas = () => new Map([...need(state.old).eventSchemas, ...need(state.verified).eventSchemas]);
  return [
    {
      name: 'start the new version beside the old one',
      run: async () => {
        const verified = need(state.verified);
        parts.gate.hold(verified.manifest, await parts.stores.grants.list(id), need(state.old).manifest);
        parts.types.declare(id, schemas());
        state.process = running.create(verified, completeConfig(verified.manifest, record.config), [
          'init',
          'start',
        ]);
        requireContributions(verified.manifest, await state.process.start());
      },
      undo: async () => {
        await state.process?.stop(0);
        if (state.old === undefined) return; // after a crash: nothing runs
        parts.gate.hold(state.old.manifest, await parts.stores.grants.list(id));
        parts.types.declare(id, state.old.eventSchemas);
      },
    },
    {
      name: 'health check 3: the new version handles a test event',
      run: () => {
        const process = need(state.process);
        return checkHealth(process.invoke.bind(process), need(state.verified).manifest);
      },
    },
    {
      name: 'switch traffic',
      run: async () => {
        state.replaced = await running.replace(need(state.verified).manifest, need(state.process));
      },
      undo: async () => {
        if (state.replaced) await running.replace(state.replaced.manifest, state.replaced.process);
      },
    },
  ];
}

/** Of an extension that does not run, the new version only shows that it loads and answers. */
function rehearseStep(record: ExtensionRecord, state: Switch, running: RunningExtensions): Step {
  return {
    name: 'health check 3: the new version responds to ping',
    run: async () => {
      const verified = need(state.verified);
      const process = running.create(verified, completeConfig(verified.manifest, record.config), []);
      try {
        requireContributions(verified.manifest, await process.start());
        await ping(process.invoke.bind(process), verified.manifest);
      } finally {
        await process.stop(0);
      }
    },
  };
}

async function recordVersion(input: SwitchInput, { stores }: Parts): Promise<void> {
  const record = await stores.extensions.get(input.id);
  if (record === null) throw new MagError('E_NOT_FOUND', `${input.id} is not known here`);
  await stores.extensions.put({
    ...record,
    version: input.version,
    digest: input.digest,
    highestVersion: highest(record.highestVersion, input.version),
  });
  await stores.extensions.keep({ id: input.id, ...input.from });
  await stores.extensions.forget(input.id, input.version);
}

/** The switch is done and recorded: what the old version does now changes nothing. */
function retireStep(state: Switch, parts: Parts, running: RunningExtensions): Step {
  return {
    name: 'stop and drain the old version',
    run: async () => {
      const failure = state.replaced && (await running.retire(state.replaced, DRAIN_MS));
      const { manifest, eventSchemas } = need(state.verified);
      parts.gate.hold(manifest, await parts.stores.grants.list(manifest.id));
      parts.types.declare(manifest.id, eventSchemas);
      return failure;
    },
  };
}

function namesOf(migrations: readonly { readonly name: string }[]): string[] {
  return migrations.map(({ name }) => name);
}

function need<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new MagError('E_INTERNAL', 'a step ran before the one it needs');
  return value;
}
