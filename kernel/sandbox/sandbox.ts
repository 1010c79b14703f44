import { MagError, toMagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { ExtensionProcess, Sandbox } from './cell.ts';
import type { CellKind } from './launch.ts';
import { createLauncher, type LauncherOptions } from './launcher.ts';
import { SupervisedProcess } from './process.ts';
import { RunningCell } from './running-cell.ts';
import { SpareCells } from './spare-cells.ts';

/** The program of cells is made by `bundleRunner()`. */
export interface SandboxOptions extends LauncherOptions {
  readonly logger: Logger;
  /** How many cells wait for an extension, from the check on. Default 0. */
  readonly spareCells?: number;
}

const PROBE: CellKind = { jit: false, memoryMb: 16 };

/** Programs that a cell was started from, on what this machine permits: both stay what they are. */
const proven = new Set<string>();

/** Makes extension processes. Disposing of it ends every process it started and waits until they are gone. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { logger, spareCells: count = 0 } = options;
  const launcher = createLauncher(options);
  const processes = new Set<ExtensionProcess>();
  const spares = new SpareCells({ count, launch, logger });

  function launch(kind: CellKind): Promise<RunningCell> {
    return launcher.launch(kind, (launched) => new RunningCell(launched, kind.memoryMb, logger));
  }

  return {
    create(processOptions) {
      const supervised: SupervisedProcess = new SupervisedProcess(
        processOptions,
        async ({ jit, memoryMb, owner, hostCallsPerSecond }, usage) => {
          const cell = spares.take({ jit, memoryMb }) ?? (await launch({ jit, memoryMb }));
          cell.assign({ owner, hostCallsPerSecond, usage });
          return cell;
        },
        () => processes.delete(supervised),
      );
      processes.add(supervised);
      return supervised;
    },

    async check() {
      await launcher.checkFiles();
      const program = programOf(options);
      if (program === null || !proven.has(program)) await probe(() => launch(PROBE));
      if (program !== null) proven.add(program);
      spares.fillSoon();
    },

    spares: () => spares.waiting,

    jail: () => launcher.jail(),

    async [Symbol.asyncDispose]() {
      spares.stop();
      const error = new MagError('E_SHUTDOWN', 'the host is shutting down');
      for (const supervised of processes) supervised.kill(error);
      await launcher[Symbol.asyncDispose]();
    },
  };
}

/** What has to be proven once; `null` where the jail is not the one of this machine. */
function programOf({ nodePath = process.execPath, runnerPath, jail }: SandboxOptions): string | null {
  return jail === undefined ? `${nodePath}\0${runnerPath}` : null;
}

/** Starts a real cell and ends it again. */
async function probe(start: () => Promise<RunningCell>): Promise<void> {
  const done = new MagError('E_SHUTDOWN', 'the check is over');
  try {
    const cell = await start();
    await cell.hello();
    await cell.stop(done);
  } catch (thrown) {
    const detail = toMagError(thrown).cause;
    const reason = detail instanceof Error ? detail.message : 'no reason given';
    throw new MagError('E_CONFIG', `a sandbox process could not be started: ${reason}`, { cause: thrown });
  }
}
