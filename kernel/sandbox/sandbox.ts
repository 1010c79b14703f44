import { existsSync, realpathSync } from 'node:fs';
import { MagError, toMagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import { findAddon } from './addon.ts';
import type { CellOwner, ExtensionProcess, ProcessOptions, Sandbox } from './cell.ts';
import { type CellFiles, checkFiles, createUidSource, jailWrapper } from './jail.ts';
import { launchCell } from './launch.ts';
import { SupervisedProcess } from './process.ts';
import { RunningCell } from './running-cell.ts';

export interface SandboxOptions {
  /** The bundled program of a cell, absolute: `bundleRunner()` makes it. */
  readonly runnerPath: string;
  /** The Node that runs cells. Default: the one that runs the host. */
  readonly nodePath?: string;
  readonly logger: Logger;
}

type StartOptions = Pick<ProcessOptions, 'jit' | 'hostCallsPerSecond' | 'owner'> & {
  readonly memoryMb: number;
};

const PROBE_MEMORY_MB = 16;

/** Makes extension processes. Disposing of it ends every process it started and waits until they are gone. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const nextUid = createUidSource();
  const cells = new Set<RunningCell>();
  const processes = new Set<ExtensionProcess>();
  let files: CellFiles | null = null;
  let disposed = false;

  function start(cellOptions: StartOptions): RunningCell {
    if (disposed) throw new MagError('E_SHUTDOWN', 'the host is shutting down');
    files ??= cellFiles(options);
    const { jit, memoryMb } = cellOptions;
    const launched = launchCell({ files, jit, memoryMb, uid: nextUid() });
    const cell = new RunningCell({ ...cellOptions, launched, logger: options.logger });
    cells.add(cell);
    void cell.ended.then(() => cells.delete(cell));
    return cell;
  }

  return {
    create(processOptions) {
      const { load } = processOptions;
      const supervised: SupervisedProcess = new SupervisedProcess(
        processOptions,
        async (own) => start({ ...own, memoryMb: load.memoryMb }),
        () => processes.delete(supervised),
      );
      processes.add(supervised);
      return supervised;
    },

    async check() {
      await checkFiles(cellFiles(options));
      if (jailWrapper().length === 0) {
        options.logger.warn({}, 'cells run without no_new_privs: this machine has no setpriv (util-linux)');
      }
      await probe(() =>
        start({ jit: false, hostCallsPerSecond: 0, owner: NOBODY, memoryMb: PROBE_MEMORY_MB }),
      );
    },

    async [Symbol.asyncDispose]() {
      disposed = true;
      const error = new MagError('E_SHUTDOWN', 'the host is shutting down');
      for (const supervised of processes) supervised.kill(error);
      for (const cell of cells) cell.kill(error);
      await Promise.all([...cells].map((cell) => cell.ended));
    },
  };
}

/** Links resolved: a cell may read exactly these files and follow nothing. */
function cellFiles({ nodePath = process.execPath, runnerPath }: SandboxOptions): CellFiles {
  return { node: nodePath, runner: resolved(runnerPath), addon: resolved(findAddon()) };
}

function resolved(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Starts a real cell and ends it again. */
async function probe(start: () => RunningCell): Promise<void> {
  const done = new MagError('E_SHUTDOWN', 'the check is over');
  try {
    const cell = start();
    await cell.hello();
    await cell.stop(done);
  } catch (thrown) {
    const detail = toMagError(thrown).cause;
    const reason = detail instanceof Error ? detail.message : 'no reason given';
    throw new MagError('E_CONFIG', `a sandbox process could not be started: ${reason}`, { cause: thrown });
  }
}

/** The owner of a cell without an extension. */
const NOBODY: CellOwner = {
  hostCall: () => Promise.reject(new MagError('E_PARAMS', 'nothing is loaded')),
  log: () => undefined,
};
