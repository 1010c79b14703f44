import type { JsonObject } from '../../manifests/json.ts';
import { MagError } from '../errors.ts';
import type { RecordContent } from '../ports.ts';
import type { ExtensionProcess } from '../sandbox/cell.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { completeConfig } from './configuration.ts';
import { checkHealth, requireContributions } from './guest.ts';
import { setState } from './moves.ts';
import type { Parts } from './parts.ts';
import { need, type Step } from './steps.ts';

/** What the steps hand on to each other. */
interface Launch {
  package?: Verified<Package>;
  config?: JsonObject;
  process?: ExtensionProcess;
}

/** The steps that bring an installed extension to life on this host (spec 06, enable). */
export function enableSteps(record: RecordContent, parts: Parts): Step[] {
  const launch: Launch = {};
  const { id } = record;
  return [
    {
      name: 'verify signature',
      run: async () => {
        launch.package = await parts.registry.verified(record.digest);
      },
    },
    {
      name: 'load configuration',
      run: async () => {
        const { manifest } = need(launch.package);
        launch.config = completeConfig(manifest, record.config);
        const lacks = await parts.lacks(manifest); // no reason not to start: it may do without
        return lacks.length === 0 ? undefined : lacks.join('; ');
      },
    },
    {
      name: 'apply grants',
      run: () => applyGrants(need(launch.package), parts),
      undo: async () => parts.gate.release(id),
    },
    {
      name: 'declare events',
      run: async () => parts.types.declare(id, need(launch.package).eventSchemas),
      undo: async () => parts.types.retract(id),
    },
    {
      name: 'start: load into a cell, init(), start()',
      run: async () => {
        await parts.files.clearTemp(id);
        launch.process = parts.running.create(need(launch.package), need(launch.config), ['init', 'start']);
        requireContributions(need(launch.package).manifest, await launch.process.start());
      },
      undo: async () => launch.process?.stop(0),
    },
    {
      name: 'health check 2: handles a test event',
      run: () => checkHealth(need(launch.process), need(launch.package).manifest),
    },
    {
      name: 'register hooks, endpoints and subscriptions',
      run: () => parts.running.admit(need(launch.package).manifest, need(launch.process)),
      undo: async () => {
        await parts.running.dismiss(id);
        parts.hooks.open(id);
      },
    },
  ];
}

/** Puts on record that it is to run: the last step of the operation; where a host starts it again it is on record. */
export function enabledStep(before: RecordContent, parts: Parts): Step {
  const { id, state, reason } = before;
  return {
    name: 'record',
    run: async () => {
      await parts.quarantined(id);
      // It was let in by the step before: only a quarantine can have ended it, and that outranks this.
      if (parts.running.get(id) === undefined) throw new MagError('E_QUARANTINED', `${id} was quarantined`);
      await setState(parts, id, 'enabled');
    },
    undo: async () => {
      await parts.quarantined(id);
      const now = await parts.stores.extensions.get(id);
      if (now?.state !== 'quarantined') await setState(parts, id, state, reason);
      await parts.running.stop(id);
    },
  };
}

/** Tells the gate and the database server what the extension holds. */
async function applyGrants({ manifest }: Verified<Package>, { stores, gate, data }: Parts): Promise<void> {
  const grants = await stores.grants.list(manifest.id);
  gate.hold(manifest, grants);
  await data.syncGrants(manifest.id, grants);
}
