import { realpathSync } from 'node:fs';
import { MagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import { findAddon } from './addon.ts';
import type { ProcessOptions, Sandbox } from './cell.ts';
import { type CellFiles, checkFiles } from './cell-files.ts';
import { DebugCell } from './debug-cell.ts';
import { DebugProcess } from './debug-process.ts';
import type { Debugger } from './debugger.ts';
import { type Jail, openJail } from './jail.ts';
import { launchCell } from './launch.ts';

export interface DebugSandboxOptions {
  /** The bundled program of a cell in debug mode, absolute: `bundleDebugRunner()` makes it. */
  readonly runnerPath: string;
  /** What is appended to the module of the extension: where its source map is. */
  readonly trailer: string;
  readonly logger: Logger;
  /** The cell of the extension ended by itself. */
  readonly onDeath: (error: MagError) => void;
}

export interface DebugSandbox extends Sandbox {
  readonly debugger: Debugger;
}

/** A profile shows what the code costs, not how the host slows it down. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/**
 * A sandbox that V8's inspector can look into. It is no option of `createSandbox`: only a composition that
 * calls this function gets one, and only the author tools have such a composition. The jail is the same;
 * there are no deadlines, no call rates, no restarts and no sharing of cells.
 */
export function createDebugSandbox(options: DebugSandboxOptions): DebugSandbox {
  const { logger, trailer } = options;
  const cells = new Set<DebugCell>();
  let jail: Promise<Jail> | null = null;
  let newest: DebugCell | null = null;
  let disposed = false;

  async function launch({ jit, owner, load }: ProcessOptions): Promise<DebugCell> {
    const opened = await openedJail();
    if (disposed) throw new MagError('E_SHUTDOWN', 'the host is shutting down');
    const launched = launchCell({ files: cellFiles(options), jail: opened, jit, memoryMb: load.memoryMb });
    const cell = new DebugCell({ launched, owner, hostCallsPerSecond: UNLIMITED, logger });
    cells.add(cell);
    newest = cell;
    void cell.ended.then(() => cells.delete(cell));
    return cell;
  }

  function openedJail(): Promise<Jail> {
    jail ??= openJail();
    return jail;
  }

  return {
    debugger: {
      connect: (events) => (newest === null || newest.isDead ? null : newest.sessions.open(events)),
    },
    create(own) {
      const load = { ...own.load, code: `${own.load.code}\n${trailer}\n` };
      const onGiveUp = (error: MagError) => {
        options.onDeath(error);
        own.onGiveUp(error);
      };
      const mapped = { ...own, load, onGiveUp };
      return new DebugProcess(mapped, () => launch(mapped));
    },
    check: () => checkFiles(cellFiles(options)),
    jail: async () => (await openedJail()).report,
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

function cellFiles({ runnerPath }: DebugSandboxOptions): CellFiles {
  return { node: process.execPath, runner: realpathSync(runnerPath), addon: realpathSync(findAddon()) };
}
