import { existsSync, realpathSync } from 'node:fs';
import { MagError, toMagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import { findAddon } from './addon.ts';
import type { CellOwner, ExtensionProcess, ProcessOptions, Sandbox } from './cell.ts';
import { type CellFiles, checkFiles } from './cell-files.ts';
import { type Jail, type JailOptions, openJail } from './jail.ts';
import { launchCell } from './launch.ts';
import { SupervisedProcess } from './process.ts';
import { RunningCell } from './running-cell.ts';
import type { Usage } from './usage.ts';

export interface SandboxOptions {
  /** The bundled program of a cell, absolute: `bundleRunner()` makes it. */
  readonly runnerPath: string;
  /** The Node that runs cells. Default: the one that runs the host. */
  readonly nodePath?: string;
  readonly logger: Logger;
  /** What cells are jailed with. Default: all that this machine permits. */
  readonly jail?: Omit<JailOptions, 'nodePath'>;
}

type StartOptions = Pick<ProcessOptions, 'jit' | 'hostCallsPerSecond' | 'owner'> & {
  readonly memoryMb: number;
  readonly usage?: Usage;
};

const PROBE_MEMORY_MB = 16;

/** Makes extension processes. Disposing of it ends every process it started and waits until they are gone. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const cells = new Set<RunningCell>();
  const processes = new Set<ExtensionProcess>();
  let files: CellFiles | null = null;
  let jail: Promise<Jail> | null = null;
  let disposed = false;

  function openedJail(): Promise<Jail> {
    const { nodePath } = options;
    jail ??= openJail({ ...options.jail, ...(nodePath === undefined ? {} : { nodePath }) });
    return jail;
  }

  async function start(cellOptions: StartOptions): Promise<RunningCell> {
    const opened = await openedJail();
    if (disposed) throw new MagError('E_SHUTDOWN', 'the host is shutting down');
    files ??= cellFiles(options);
    const { jit, memoryMb } = cellOptions;
    const launched = launchCell({ files, jail: opened, jit, memoryMb });
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
        (own, usage) => start({ ...own, usage, memoryMb: load.memoryMb }),
        () => processes.delete(supervised),
      );
      processes.add(supervised);
      return supervised;
    },

    async check() {
      await checkFiles(cellFiles(options));
      const { report } = await openedJail();
      const off = report.layers.filter(({ on }) => !on).map(({ name, detail }) => ({ name, detail }));
      if (off.length > 0)
        options.logger.warn({ off }, 'this machine cannot give cells every layer of the jail');
      await probe(() =>
        start({ jit: false, hostCallsPerSecond: 0, owner: NOBODY, memoryMb: PROBE_MEMORY_MB }),
      );
    },

    async jail() {
      return (await openedJail()).report;
    },

    async [Symbol.asyncDispose]() {
      disposed = true;
      const error = new MagError('E_SHUTDOWN', 'the host is shutting down');
      for (const supervised of processes) supervised.kill(error);
      for (const cell of cells) cell.kill(error);
      await Promise.all([...cells].map((cell) => cell.ended));
      await (await jail)?.[Symbol.asyncDispose]();
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

/** The owner of a cell without an extension. */
const NOBODY: CellOwner = {
  hostCall: () => Promise.reject(new MagError('E_PARAMS', 'nothing is loaded')),
  log: () => undefined,
};
