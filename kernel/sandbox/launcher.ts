import { existsSync, realpathSync } from 'node:fs';
import { MagError } from '../errors.ts';
import { findAddon } from './addon.ts';
import { type CellFiles, checkFiles } from './cell-files.ts';
import type { Death } from './death.ts';
import { type Jail, type JailFacts, type JailOptions, openJail } from './jail.ts';
import { type CellKind, type LaunchedCell, launchCell } from './launch.ts';

export interface LauncherOptions {
  /** The bundled program of a cell, absolute. */
  readonly runnerPath: string;
  /** The Node that runs cells. Default: the one that runs the host. */
  readonly nodePath?: string;
  /** What cells are jailed with. Default: all that this machine permits. */
  readonly jail?: Omit<JailOptions, 'nodePath'>;
}

/** What is made of a started process. */
interface Cell {
  readonly ended: Promise<Death>;
  kill(error: MagError): void;
}

/**
 * The one place that starts jailed processes, whatever kind of sandbox they are for. Disposing of it ends all of them
 * and waits until they are gone.
 */
export interface Launcher extends AsyncDisposable {
  /** @throws `E_CELL_LOST` when it cannot be started, `E_SHUTDOWN` */
  launch<C extends Cell>(kind: CellKind, make: (launched: LaunchedCell) => C): Promise<C>;
  /** Checks that cells can read their files. @throws `E_CONFIG` naming what is missing */
  checkFiles(): Promise<void>;
  /** What the cells of this machine are jailed with. */
  jail(): Promise<JailFacts>;
}

export function createLauncher(options: LauncherOptions): Launcher {
  const cells = new Set<Cell>();
  let files: CellFiles | null = null;
  let jail: Promise<Jail> | null = null;
  let disposed = false;

  function openedJail(): Promise<Jail> {
    const { nodePath } = options;
    jail ??= openJail({ ...options.jail, ...(nodePath === undefined ? {} : { nodePath }) });
    return jail;
  }

  return {
    async launch(kind, make) {
      const opened = await openedJail();
      if (disposed) throw new MagError('E_SHUTDOWN', 'the host is shutting down');
      files ??= cellFiles(options);
      const cell = make(launchCell({ ...kind, files, jail: opened }));
      cells.add(cell);
      void cell.ended.then(() => cells.delete(cell));
      return cell;
    },
    checkFiles: () => checkFiles(cellFiles(options)),
    jail: async () => (await openedJail()).facts,
    async [Symbol.asyncDispose]() {
      disposed = true;
      const error = new MagError('E_SHUTDOWN', 'the host is shutting down');
      const ending = [...cells];
      for (const cell of ending) cell.kill(error);
      await Promise.all(ending.map((cell) => cell.ended));
      await (await jail)?.[Symbol.asyncDispose]();
    },
  };
}

/** Links resolved: a cell may read exactly these files and follow nothing. */
function cellFiles({ nodePath = process.execPath, runnerPath }: LauncherOptions): CellFiles {
  return { node: nodePath, runner: resolved(runnerPath), addon: resolved(findAddon()) };
}

function resolved(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}
