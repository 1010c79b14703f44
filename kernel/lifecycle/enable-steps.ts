import type { JsonObject } from '../../manifests/json.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord } from '../ports.ts';
import type { ExtensionProcess } from '../sandbox/cell.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { completeConfig } from './configuration.ts';
import { checkHealth, requireContributions } from './guest.ts';
import type { Parts } from './parts.ts';
import type { RunningExtensions } from './running-extensions.ts';
import type { Step } from './steps.ts';

/** What the steps hand on to each other. */
interface Launch {
  package?: Verified<Package>;
  config?: JsonObject;
  process?: ExtensionProcess;
}

/** The steps that bring an installed extension to life (spec 06, enable). Used by the operation and at boot. */
export function enableSteps(record: ExtensionRecord, parts: Parts, running: RunningExtensions): Step[] {
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
        launch.config = completeConfig(loaded(launch.package).manifest, record.config);
      },
    },
    {
      name: 'apply grants',
      run: () => applyGrants(loaded(launch.package), parts),
      undo: async () => parts.gate.release(id),
    },
    {
      name: 'declare events',
      run: async () => parts.types.declare(id, loaded(launch.package).eventSchemas),
      undo: async () => parts.types.retract(id),
    },
    {
      name: 'start: load into a cell, init(), start()',
      run: async () => {
        await parts.files.clearTemp(id);
        launch.process = running.create(loaded(launch.package), loaded(launch.config), ['init', 'start']);
        requireContributions(loaded(launch.package).manifest, await launch.process.start());
      },
      undo: async () => launch.process?.stop(0),
    },
    {
      name: 'health check 2: handles a test event',
      run: () => {
        const process = loaded(launch.process);
        return checkHealth(process.invoke.bind(process), loaded(launch.package).manifest);
      },
    },
    {
      name: 'register hooks, endpoints and subscriptions',
      run: () => running.admit(loaded(launch.package).manifest, loaded(launch.process)),
      undo: async () => {
        await running.dismiss(id);
      },
    },
  ];
}

/** Tells the gate and the database server what the extension holds. */
async function applyGrants({ manifest }: Verified<Package>, { stores, gate, data }: Parts): Promise<void> {
  const grants = await stores.grants.list(manifest.id);
  gate.hold(manifest, grants);
  await data.syncGrants(manifest.id, grants);
}

function loaded<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new MagError('E_INTERNAL', 'a step ran before the one it needs');
  return value;
}
