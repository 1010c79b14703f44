import type { MagError } from '../../../../kernel/errors.ts';
import type { Logger } from '../../../../kernel/ports.ts';
import {
  createLauncher,
  type LaunchedCell,
  type ProcessOptions,
  type Sandbox,
} from '../../../../kernel/sandbox/index.ts';
import { DebugCell } from './debug-cell.ts';
import { DebugProcess } from './debug-process.ts';
import type { Debugger } from './debugger.ts';

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
  const launcher = createLauncher(options);
  let newest: DebugCell | null = null;

  async function launch({ jit, memoryMb, owner }: ProcessOptions): Promise<DebugCell> {
    const make = (launched: LaunchedCell) =>
      new DebugCell({ launched, owner, hostCallsPerSecond: UNLIMITED, logger });
    newest = await launcher.launch({ jit, memoryMb }, make);
    return newest;
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
    check: () => launcher.checkFiles(),
    spares: () => 0,
    jail: () => launcher.jail(),
    [Symbol.asyncDispose]: () => launcher[Symbol.asyncDispose](),
  };
}
