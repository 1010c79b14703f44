import type { Json } from '../../manifests/json.ts';
import type { GuestShape, GuestTarget } from '../../manifests/protocol/frames.ts';
import { MagError, toMagError } from '../errors.ts';
import type { CellStats, ExtensionProcess, InvokeOptions, ProcessOptions } from './cell.ts';
import { abortError, protocolBroken } from './cell-errors.ts';
import { CallNotTaken } from './death.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { RunningCell } from './running-cell.ts';

/** Starts one process; resolves when it said hello. */
export type StartCell = (options: ProcessOptions) => Promise<RunningCell>;

type Phase =
  | { readonly is: 'new' }
  | { readonly is: 'starting'; readonly started: Promise<GuestShape> }
  | { readonly is: 'running'; readonly cell: RunningCell; readonly shape: GuestShape }
  /** Dead, to be running again: `ready` settles with the restart or the end of trying. */
  | { readonly is: 'restarting'; readonly ready: PromiseWithResolvers<RunningCell> }
  | { readonly is: 'over'; readonly error: MagError };

/** A call that finds one dying cell after the other is not worth more. */
const MAX_ATTEMPTS = 3;
/** Wall time that starting may take beyond the processor budget of the module. */
const LOAD_GRACE_MS = 5_000;

/** One extension's program, started again when it dies. */
export class SupervisedProcess implements ExtensionProcess {
  readonly #options: ProcessOptions;
  readonly #startCell: StartCell;
  readonly #onOver: () => void;
  readonly #policy = new RestartPolicy();
  #phase: Phase = { is: 'new' };
  /** The process there is now, ready or not. */
  #cell: RunningCell | null = null;
  #stopped: Promise<void> | null = null;
  #restarts = 0;
  #calls = 0;
  #errors = 0;
  #pastCpuMs = 0;

  /** @param onOver called once when it will not run again */
  constructor(options: ProcessOptions, startCell: StartCell, onOver: () => void) {
    this.#options = options;
    this.#startCell = startCell;
    this.#onOver = onOver;
  }

  get stats(): CellStats {
    const cell = this.#cell?.isDead === false ? this.#cell : null;
    return {
      pid: cell?.pid ?? null,
      restarts: this.#restarts,
      calls: this.#calls,
      errors: this.#errors,
      cpuMs: this.#pastCpuMs + (cell?.cpuMs ?? 0),
      heapBytes: cell?.heapBytes ?? 0,
    };
  }

  async start(): Promise<GuestShape> {
    const phase = this.#phase;
    if (phase.is === 'running') return phase.shape;
    if (phase.is === 'starting') return await phase.started;
    if (phase.is === 'over') throw phase.error;
    if (phase.is === 'restarting') throw new MagError('E_STATE', 'the extension is being restarted');
    const started = this.#firstStart();
    this.#phase = { is: 'starting', started };
    return await started;
  }

  async invoke(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<Json> {
    this.#calls++;
    const deadline = performance.now() + options.deadlineMs;
    for (let attempt = 1; ; attempt++) {
      try {
        const withinLeft = () => ({ ...options, deadlineMs: Math.max(1, deadline - performance.now()) });
        const cell = await this.#readyCell(withinLeft());
        return await invokeIn(cell, target, payload, withinLeft());
      } catch (error) {
        const again = error instanceof CallNotTaken && attempt < MAX_ATTEMPTS && performance.now() < deadline;
        if (again) continue;
        this.#errors++;
        throw error;
      }
    }
  }

  kill(error: MagError): void {
    this.#over(error);
    this.#cell?.kill(error);
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopped ??= this.#stopOnce(drainMs);
    await this.#stopped;
  }

  async #stopOnce(drainMs: number): Promise<void> {
    const error = new MagError('E_NOT_ENABLED', 'the extension was stopped');
    this.#over(error);
    const cell = this.#cell;
    if (cell === null) return;
    if (!cell.isDead) await cell.drain(drainMs);
    await cell.stop(error);
  }

  /** The first start is not repeated: whoever asked for it is told. */
  async #firstStart(): Promise<GuestShape> {
    try {
      const { cell, shape } = await this.#launch();
      this.#run(cell, shape);
      return shape;
    } catch (thrown) {
      this.#cell?.kill(toMagError(thrown, 'E_CELL_LOST'));
      if (this.#phase.is === 'starting') this.#phase = { is: 'new' };
      throw thrown;
    }
  }

  async #launch(): Promise<{ cell: RunningCell; shape: GuestShape }> {
    const { load, onReady } = this.#options;
    const cell = await this.#startCell(this.#options);
    this.#cell = cell;
    this.#refuseWhenOver(cell);
    await cell.hello();
    const shape = await cell.load(load, load.cpuMs + LOAD_GRACE_MS);
    await onReady((target, payload, options) => invokeIn(cell, target, payload, options));
    this.#refuseWhenOver(cell);
    return { cell, shape };
  }

  #refuseWhenOver(cell: RunningCell): void {
    if (this.#phase.is !== 'over') return;
    cell.kill(this.#phase.error);
    throw this.#phase.error;
  }

  #run(cell: RunningCell, shape: GuestShape): void {
    this.#phase = { is: 'running', cell, shape };
    void cell.ended.then((death) => {
      this.#pastCpuMs += cell.cpuMs;
      if (this.#phase.is === 'running' && this.#phase.cell === cell) this.#died(death.error);
    });
  }

  #died(error: MagError): void {
    const ready = this.#phase.is === 'restarting' ? this.#phase.ready : newReady();
    const delayMs = this.#policy.afterDeath();
    if (delayMs === null) {
      this.#over(new MagError('E_CELL_LOST', 'the extension died too often', { cause: error }), ready);
      this.#options.onGiveUp(error);
      return;
    }
    this.#phase = { is: 'restarting', ready };
    this.#options.onDeath(error);
    setTimeout(() => void this.#restart(ready), delayMs);
  }

  async #restart(ready: PromiseWithResolvers<RunningCell>): Promise<void> {
    if (this.#phase.is !== 'restarting') return;
    this.#restarts++;
    try {
      const { cell, shape } = await this.#launch();
      this.#run(cell, shape);
      ready.resolve(cell);
    } catch (thrown) {
      const error = toMagError(thrown, 'E_CELL_LOST');
      this.#cell?.kill(error);
      if (this.#phase.is === 'restarting') this.#died(error);
    }
  }

  #over(error: MagError, waiting?: PromiseWithResolvers<RunningCell>): void {
    const phase = this.#phase;
    if (phase.is === 'over') return;
    this.#phase = { is: 'over', error };
    this.#onOver();
    waiting?.reject(error);
    if (phase.is === 'restarting') phase.ready.reject(error);
  }

  async #readyCell(options: InvokeOptions): Promise<RunningCell> {
    const phase = this.#phase;
    if (phase.is === 'over') throw phase.error;
    if (phase.is === 'running' && !phase.cell.isDead) return phase.cell;
    if (phase.is === 'running') return await this.#afterDeath(phase.cell, options);
    if (phase.is === 'restarting') return await within(phase.ready.promise, options);
    throw new MagError('E_STATE', 'the extension has not been started');
  }

  /** The cell is dead but its process not yet gone: the restart begins when it is. */
  async #afterDeath(cell: RunningCell, options: InvokeOptions): Promise<RunningCell> {
    const startedAt = performance.now();
    await within(cell.ended, options);
    const deadlineMs = options.deadlineMs - (performance.now() - startedAt);
    return await this.#readyCell({ ...options, deadlineMs });
  }
}

function newReady(): PromiseWithResolvers<RunningCell> {
  const ready = Promise.withResolvers<RunningCell>();
  ready.promise.catch(() => undefined);
  return ready;
}

async function invokeIn(
  cell: RunningCell,
  target: GuestTarget,
  payload: Json,
  options: InvokeOptions,
): Promise<Json> {
  return parseReply(await cell.call(target, JSON.stringify(payload), options), cell);
}

function parseReply(text: string, cell: RunningCell): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const error = protocolBroken(cause);
    cell.kill(error);
    throw error;
  }
}

/** What is waited for, or `E_LIMIT_WALL` when the deadline comes first. */
async function within<Value>(promise: Promise<Value>, options: InvokeOptions): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const error = new MagError('E_LIMIT_WALL', 'the extension was not running within the deadline');
  const timer = setTimeout(() => late.reject(error), Math.max(0, options.deadlineMs));
  const onAbort = () => late.reject(abortError(options.signal));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}
