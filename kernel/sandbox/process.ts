import type { Code } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { GuestShape, GuestTarget } from '../../manifests/protocol/frames.ts';
import { MAX_STREAM_MS } from '../../manifests/protocol/limits.ts';
import { MagError, toMagError } from '../errors.ts';
import type {
  CellStats,
  EndpointAnswer,
  ExtensionProcess,
  GuestCall,
  InvokeOptions,
  ProcessOptions,
} from './cell.ts';
import { openStream } from './cell-stream.ts';
import { CallNotTaken } from './death.ts';
import { invokeIn, invokeInTurn } from './invoke-in.ts';
import { type LaunchedExtension, newReady, type Phase } from './process-phase.ts';
import { Recycling } from './recycling.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { RunningCell } from './running-cell.ts';
import { Usage } from './usage.ts';
import { within } from './within.ts';

/** Starts one process; what it asks for and is refused is counted in `usage`. */
export type StartCell = (options: ProcessOptions, usage: Usage) => Promise<RunningCell>;

/** A call that finds one dying cell after the other is not worth more. */
const MAX_ATTEMPTS = 3;
/** The database is away, or the host is going. */
const OF_HOST: ReadonlySet<Code> = new Set(['E_STORAGE', 'E_SHUTDOWN', 'E_FENCED']);
/** Wall time that starting may take beyond the processor budget of the module. */
const LOAD_GRACE_MS = 5_000;
/** No stream goes on longer, and no call (the schema of the manifest): a replaced cell loses none. */
const RECYCLE_DRAIN_MS = MAX_STREAM_MS + 1_000;

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
    this.#recycling = new Recycling(options.memoryMb, options.recycleAfterCalls);
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

  invoke(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<Json> {
    return this.#call(options, (cell, given) => this.#invokeIn(cell, target, payload, given));
  }

  invokeInTurn(calls: readonly GuestCall[]): Promise<void>[] {
    const phase = this.#phase;
    if (calls.length === 1) return calls.map((call) => this.#invokeAlone(call));
    if (phase.is !== 'running' || phase.cell.isDead)
      return calls.map(() => Promise.reject(new CallNotTaken()));
    this.#recycleWhenWorn(phase.cell);
    this.#calls += calls.length;
    return invokeInTurn(phase.cell, calls, this.#usage.time).map(async (reply) => {
      try {
        await reply;
      } catch (error) {
        if (!(error instanceof CallNotTaken)) this.#failed(error);
        throw error;
      }
    });
  }

  #invokeAlone(call: GuestCall): Promise<void> {
    return this.#call(call.options, async (cell, options) => {
      await Promise.all(invokeInTurn(cell, [{ ...call, options }], this.#usage.time));
    });
  }

  serve(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<EndpointAnswer> {
    return this.#call(options, async (cell, given) => {
      const value = await this.#invokeIn(cell, target, payload, given);
      return { value, stream: openStream(cell, value, options, (error) => this.#failed(error)) };
    });
  }

  #invokeIn(cell: RunningCell, target: GuestTarget, payload: Json, options: InvokeOptions): Promise<Json> {
    return invokeIn(cell, target, payload, options, this.#usage.time);
  }

  /** Makes a call in the cell there is, and in the next one when that ended before it took the call. */
  async #call<Answer>(
    options: InvokeOptions,
    make: (cell: RunningCell, options: InvokeOptions) => Promise<Answer>,
  ): Promise<Answer> {
    this.#calls++;
    const deadline = performance.now() + options.deadlineMs;
    let left = options;
    for (let attempt = 1; ; attempt++) {
      try {
        let cell = this.#runningCell;
        if (cell === undefined) {
          cell = await this.#readyCell(left);
          left = inTime(options, deadline - performance.now());
        }
        this.#recycleWhenWorn(cell);
        return await make(cell, left);
      } catch (error) {
        const again = error instanceof CallNotTaken && attempt < MAX_ATTEMPTS && performance.now() < deadline;
        if (!again) {
          this.#failed(error);
          throw error;
        }
        left = inTime(options, deadline - performance.now());
      }
    }
  }

  #failed(error: unknown): void {
    if (!isOfHost(error)) this.#errors++;
    this.#usage.failed(error);
  }

  countError(): void {
    this.#errors++;
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

  async #launch(): Promise<LaunchedExtension> {
    const launched = await this.#load().catch((thrown: unknown) => {
      // Nothing of the extension has run: the cell had waited for it, and ended in this moment.
      if (thrown instanceof CallNotTaken) return this.#load();
      throw thrown;
    });
    const { cell } = launched;
    try {
      await this.#options.onReady((target, payload, options) => invokeIn(cell, target, payload, options));
      this.#refuseWhenOver();
      return launched;
    } catch (thrown) {
      cell.kill(toMagError(thrown, 'E_CELL_LOST'));
      throw thrown;
    }
  }

  async #load(): Promise<LaunchedExtension> {
    const { load } = this.#options;
    const cell = await this.#startCell(this.#options, this.#usage);
    this.#cells.add(cell);
    void cell.ended.then(() => {
      this.#cells.delete(cell);
      this.#pastCpuMs += cell.cpuMs;
    });
    try {
      this.#refuseWhenOver();
      await cell.hello();
      return { cell, shape: await cell.load(load, load.cpuMs + LOAD_GRACE_MS) };
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
    cell.onOverBudget = (error) => this.#options.onOverBudget?.(error);
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
    let next: LaunchedExtension;
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

  get #runningCell(): RunningCell | undefined {
    const phase = this.#phase;
    return phase.is === 'running' && !phase.cell.isDead ? phase.cell : undefined;
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

/** What is left of a call's time. What the wait for a restart took of it is not the doing of this call. */
function inTime(options: InvokeOptions, leftMs: number): InvokeOptions {
  const isCutShort = options.isCutShort === true || leftMs < options.deadlineMs / 2;
  return { ...options, deadlineMs: Math.max(1, leftMs), isCutShort };
}

/** What no extension can help: it is not held against it. */
function isOfHost(error: unknown): boolean {
  return error instanceof MagError && OF_HOST.has(error.code);
}
