import type { Json } from '../../manifests/json.ts';
import type { GuestShape, GuestTarget } from '../../manifests/protocol/frames.ts';
import { MagError, toMagError } from '../errors.ts';
import type { CellStats, ExtensionProcess, InvokeOptions, ProcessOptions } from './cell.ts';
import { CallNotTaken } from './death.ts';
import { invokeIn } from './invoke-in.ts';
import { Recycling } from './recycling.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { RunningCell } from './running-cell.ts';
import { Usage } from './usage.ts';
import { within } from './within.ts';

/** Starts one process; what it asks for and is refused is counted in `usage`. */
export type StartCell = (options: ProcessOptions, usage: Usage) => Promise<RunningCell>;

interface Launched {
  readonly cell: RunningCell;
  readonly shape: GuestShape;
}

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
/** No call is let run longer (the schema of the manifest): a replaced cell loses none. */
const RECYCLE_DRAIN_MS = 61_000;
/** What a call ends with that the host itself decides. */
const HOST_LIMITS: readonly string[] = ['E_LIMIT_CPU', 'E_LIMIT_WALL', 'E_LIMIT_MEMORY'];

/** One extension's program, started again when it dies and replaced before it is worn. */
export class SupervisedProcess implements ExtensionProcess {
  readonly #options: ProcessOptions;
  readonly #startCell: StartCell;
  readonly #onOver: () => void;
  readonly #policy = new RestartPolicy();
  readonly #recycling: Recycling;
  readonly #usage = new Usage();
  #phase: Phase = { is: 'new' };
  /** Every process that is not gone: starting, running, or ending beside the one that took its place. */
  readonly #cells = new Set<RunningCell>();
  #isRecycling = false;
  #recycled = 0;
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
    const { load, recycleAfterCalls } = options;
    this.#recycling = new Recycling({
      memoryMb: load.memoryMb,
      ...(recycleAfterCalls === undefined ? {} : { afterCalls: recycleAfterCalls }),
    });
  }

  get stats(): CellStats {
    const alive = [...this.#cells].filter(({ isDead }) => !isDead);
    const cell = this.#phase.is === 'running' && !this.#phase.cell.isDead ? this.#phase.cell : alive.at(-1);
    return {
      pid: cell?.pid ?? null,
      restarts: this.#restarts,
      calls: this.#calls,
      errors: this.#errors,
      cpuMs: [...this.#cells].reduce((sum, { cpuMs }) => sum + cpuMs, this.#pastCpuMs),
      heapBytes: cell?.beat.heapBytes ?? 0,
      recycled: this.#recycled,
      ...this.#usage.numbers,
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
        this.#recycleWhenWorn(cell);
        return await invokeIn(cell, target, payload, withinLeft());
      } catch (error) {
        const again = error instanceof CallNotTaken && attempt < MAX_ATTEMPTS && performance.now() < deadline;
        if (again) continue;
        this.#errors++;
        if (error instanceof MagError && HOST_LIMITS.includes(error.code)) this.#usage.ended(error.code);
        throw error;
      }
    }
  }

  kill(error: MagError): void {
    this.#over(error);
    for (const cell of this.#cells) cell.kill(error);
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopped ??= this.#stopOnce(drainMs);
    await this.#stopped;
  }

  async #stopOnce(drainMs: number): Promise<void> {
    const error = new MagError('E_NOT_ENABLED', 'the extension was stopped');
    this.#over(error);
    await Promise.all(
      [...this.#cells].map(async (cell) => {
        if (!cell.isDead) await cell.drain(drainMs);
        await cell.stop(error);
      }),
    );
  }

  /** The first start is not repeated: whoever asked for it is told. */
  async #firstStart(): Promise<GuestShape> {
    try {
      const { cell, shape } = await this.#launch();
      this.#run(cell, shape);
      return shape;
    } catch (thrown) {
      if (this.#phase.is === 'starting') this.#phase = { is: 'new' };
      throw thrown;
    }
  }

  async #launch(): Promise<Launched> {
    const { load, onReady } = this.#options;
    const cell = await this.#startCell(this.#options, this.#usage);
    this.#cells.add(cell);
    void cell.ended.then(() => {
      this.#cells.delete(cell);
      this.#pastCpuMs += cell.cpuMs;
    });
    try {
      this.#refuseWhenOver();
      await cell.hello();
      const shape = await cell.load(load, load.cpuMs + LOAD_GRACE_MS);
      await onReady((target, payload, options) => invokeIn(cell, target, payload, options));
      this.#refuseWhenOver();
      return { cell, shape };
    } catch (thrown) {
      cell.kill(toMagError(thrown, 'E_CELL_LOST'));
      throw thrown;
    }
  }

  #refuseWhenOver(): void {
    if (this.#phase.is === 'over') throw this.#phase.error;
  }

  #run(cell: RunningCell, shape: GuestShape): void {
    this.#phase = { is: 'running', cell, shape };
    this.#recycling.reset();
    cell.onBeat = () => this.#recycleWhenWorn(cell);
    void cell.ended.then((death) => {
      if (this.#phase.is === 'running' && this.#phase.cell === cell) this.#died(death.error);
    });
  }

  #recycleWhenWorn(cell: RunningCell): void {
    if (this.#isRecycling || this.#phase.is !== 'running' || this.#phase.cell !== cell || cell.isDead) return;
    if (!this.#recycling.isWorn(cell)) return;
    this.#isRecycling = true;
    void this.#recycle(cell).finally(() => {
      this.#isRecycling = false;
    });
  }

  /** Starts the next cell beside a worn one, sends calls there, and ends the old one when it has none. */
  async #recycle(old: RunningCell): Promise<void> {
    const gone = new MagError('E_CELL_LOST', 'the cell was replaced');
    let next: Launched;
    try {
      next = await this.#launch();
    } catch {
      this.#recycling.failed(); // the old one goes on; what is wrong shows when it is needed
      return;
    }
    if (this.#phase.is !== 'running' || this.#phase.cell !== old) {
      await next.cell.stop(gone); // the old one died meanwhile and is being started again
      return;
    }
    this.#run(next.cell, next.shape);
    this.#recycled++;
    void this.#retire(old, gone);
  }

  async #retire(cell: RunningCell, error: MagError): Promise<void> {
    await cell.quiesce(RECYCLE_DRAIN_MS);
    const { onRetire } = this.#options;
    await onRetire?.((target, payload, options) => invokeIn(cell, target, payload, options)).catch(
      () => undefined, // its own failing does not keep it running
    );
    await cell.stop(error);
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
      if (this.#phase.is === 'restarting') this.#died(toMagError(thrown, 'E_CELL_LOST'));
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
