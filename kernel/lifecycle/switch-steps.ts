import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, messageOf } from '../errors.ts';
import type { ExtensionRecord, RecordContent } from '../ports.ts';
import type { ExtensionProcess } from '../sandbox/cell.ts';
import type { LoadedPackage, Package, Verified } from '../trust/verify.ts';
import { completeConfig } from './configuration.ts';
import { checkHealth, ping, requireContributions } from './guest.ts';
import type { Parts } from './parts.ts';
import { rehearse } from './rehearsal.ts';
import type { Running } from './running-extensions.ts';
import { need, type Phases, type Step } from './steps.ts';
import { approveStep } from './switch-grants.ts';
import { isForward, type SwitchInput } from './switch-input.ts';
import { completeMigrations, contractStep, expandStep } from './switch-migrations.ts';
import { highest, type Peers, refuseRollback, requireCompatible } from './target-version.ts';

/** How long calls of the replaced version may take to end (spec 06, upgrade). */
const DRAIN_MS = 30_000;

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
export function switchPhases(input: SwitchInput, record: RecordContent, parts: Parts, peers: Peers): Phases {
  const state: Switch = {};
  const enabled = record.state === 'enabled';
  const forward = isForward(input);
  const live = enabled ? liveSteps(input.id, record, state, parts) : null;
  return {
    prepare: [
      {
        name: 'verify signature',
        run: async () => {
          state.verified = await parts.registry.verified(input.digest);
          state.old = await parts.registry.loaded(input.from.digest);
        },
      },
      {
        name: 'check compatibility',
        run: async () => {
          const { manifest } = need(state.verified);
          if (input.kind === 'upgrade') refuseRollback(manifest, record.highestVersion);
          await requireCompatible(manifest, record.config, parts, peers);
        },
      },
      approveStep(input, () => need(state.verified).manifest, parts),
      ...(forward ? [expandStep(input, () => need(state.verified), parts)] : []),
      ...(live?.start ?? [rehearseStep(record, state, parts)]),
    ],
    commit: [...(live?.traffic ?? []), recordStep(input, record, parts)],
    contract: forward ? [] : [contractStep(input, parts)],
    retire: enabled ? [retireStep(state, parts)] : [],
  };
}

function recordStep(input: SwitchInput, before: RecordContent, parts: Parts): Step {
  return {
    name: 'record',
    run: () => recordVersion(input, parts),
    undo: async () => {
      await parts.stores.extensions.put(before);
      await parts.stores.extensions.forget(input.id, input.from.version);
    },
  };
}

function liveSteps(
  id: ExtensionId,
  record: RecordContent,
  state: Switch,
  parts: Parts,
): { start: Step[]; traffic: Step[] } {
  const schemas = () => new Map([...need(state.old).eventSchemas, ...need(state.verified).eventSchemas]);
  const start: Step[] = [
    {
      name: 'start the new version beside the old one',
      run: async () => {
        const verified = need(state.verified);
        parts.gate.hold(verified.manifest, await parts.stores.grants.list(id), need(state.old).manifest);
        parts.types.declare(id, schemas());
        state.process = parts.running.create(verified, completeConfig(verified.manifest, record.config), [
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
      run: () => checkHealth(need(state.process), need(state.verified).manifest),
    },
  ];
  const traffic: Step[] = [
    {
      name: 'switch traffic',
      run: async () => {
        state.replaced = await parts.running.replace(need(state.verified).manifest, need(state.process));
      },
      undo: async () => {
        if (state.replaced) await parts.running.putBack(state.replaced);
      },
    },
  ];
  return { start, traffic };
}

/** The steps to a version that another host has switched to already. */
export function followSteps(record: ExtensionRecord, parts: Parts): Step[] {
  const { id } = record;
  const state: Switch = {};
  const { start, traffic } = liveSteps(id, record, state, parts);
  return [
    {
      name: 'verify signature',
      run: async () => {
        state.verified = await parts.registry.verified(record.digest);
        state.old = await parts.registry.loaded(parts.running.get(id)?.digest ?? record.digest);
      },
    },
    ...start,
    ...traffic,
    retireStep(state, parts),
  ];
}

/** Of an extension that does not run, the new version only shows that it loads and answers. */
function rehearseStep(record: RecordContent, state: Switch, parts: Parts): Step {
  return {
    name: 'health check 3: the new version responds to ping',
    run: () => {
      const verified = need(state.verified);
      const { manifest } = verified;
      return rehearse(verified, completeConfig(manifest, record.config), parts, async (process, shape) => {
        requireContributions(manifest, shape);
        await ping(process, manifest);
      });
    },
  };
}

async function keepReplaced(
  { id, from, version }: SwitchInput,
  { extensions }: Parts['stores'],
): Promise<void> {
  await extensions.keep({ id, ...from });
  await extensions.forget(id, version);
}

/** What follows from the record of a switch that was cut off after it was written. Idempotent. */
export async function completeSwitch(input: SwitchInput, parts: Parts): Promise<void> {
  await keepReplaced(input, parts.stores);
  await completeMigrations(input, parts);
}

async function recordVersion(input: SwitchInput, { stores, followed }: Parts): Promise<string | undefined> {
  const record = await stores.extensions.get(input.id);
  if (record === null) throw new MagError('E_NOT_FOUND', `${input.id} is not known here`);
  await stores.extensions.put({
    ...record,
    version: input.version,
    digest: input.digest,
    highestVersion: highest(record.highestVersion, input.version),
  });
  await keepReplaced(input, stores);
  return followed(); // before anything is reversed that a version elsewhere still works with
}

/**
 * The switch is done and recorded: what the old version does now changes nothing. Nothing here fails: there is
 * no way back to a version that has stopped.
 */
function retireStep(state: Switch, parts: Parts): Step {
  return {
    name: 'stop and drain the old version',
    final: true,
    run: async () => {
      const { manifest, eventSchemas } = need(state.verified);
      const failure =
        state.replaced && (await parts.running.retire(state.replaced, DRAIN_MS).catch(messageOf));
      parts.types.declare(manifest.id, eventSchemas);
      try {
        parts.gate.hold(manifest, await parts.stores.grants.list(manifest.id));
      } catch (thrown) {
        // It keeps the rights of both versions until somebody looks again, which is soon.
        return messageOf(thrown);
      }
      return failure;
    },
  };
}
