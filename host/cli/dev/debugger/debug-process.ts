import { MagError, toMagError } from '../../../../kernel/errors.ts';
import {
  CallNotTaken,
  type CellStats,
  type EndpointAnswer,
  type ExtensionProcess,
  type GuestCall,
  type InvokeOptions,
  invokeIn,
  openStream,
  type ProcessOptions,
} from '../../../../kernel/sandbox/index.ts';
import type { Json } from '../../../../manifests/json.ts';
import type { GuestShape, GuestTarget } from '../../../../manifests/protocol/frames.ts';
import type { DebugCell } from './debug-cell.ts';

/**
 * An extension in debug mode: one cell, never started again. Its death is what the author wants to see.
 */
export class DebugProcess implements ExtensionProcess {
  readonly #options: ProcessOptions;
  readonly #launch: () => Promise<DebugCell>;
  #started: Promise<GuestShape> | null = null;
  #cell: DebugCell | null = null;
  #over: MagError | null = null;
  #calls = 0;
  #errors = 0;

  constructor(options: ProcessOptions, launch: () => Promise<DebugCell>) {
    this.#options = options;
    this.#launch = launch;
  }

  get stats(): CellStats {
    const { pid = null, cpuMs = 0, heapBytes = 0 } = this.#cell?.isDead === false ? this.#cell : {};
    const counted = { recycled: 0, hostCalls: 0, refused: {}, droppedLogs: 0, hostMs: 0 }; // nothing is limited here
    return { pid, cpuMs, heapBytes, restarts: 0, calls: this.#calls, errors: this.#errors, ...counted };
  }

  async start(): Promise<GuestShape> {
    if (this.#over !== null) throw this.#over;
    this.#started ??= this.#startOnce();
    return await this.#started;
  }

  async #startOnce(): Promise<GuestShape> {
    const { load, onReady, onGiveUp } = this.#options;
    const cell = await this.#launch();
    this.#cell = cell;
    try {
      if (this.#over !== null) throw this.#over;
      const shape = await cell.load(load);
      await onReady((target, payload, options) => invokeIn(cell, target, payload, options));
      void cell.ended.then(({ error }) => {
        if (this.#over === null) onGiveUp(error);
      });
      return shape;
    } catch (thrown) {
      const error = toMagError(thrown, 'E_CELL_LOST');
      cell.kill(error);
      throw error;
    }
  }

  async invoke(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<Json> {
    return (await this.serve(target, payload, options)).value;
  }

  /** Each waits for the one before it: a breakpoint may hold that for as long as it takes. */
  invokeInTurn(calls: readonly GuestCall[]): Promise<void>[] {
    let before = Promise.resolve();
    return calls.map(({ target, payload, options }) => {
      before = before.then(
        async () => void (await this.invoke(target, payload, options)),
        () => Promise.reject(new CallNotTaken()),
      );
      return before;
    });
  }

  async serve(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<EndpointAnswer> {
    this.#calls++;
    try {
      if (this.#over !== null) throw this.#over;
      await this.start();
      if (this.#cell === null) throw new MagError('E_STATE', 'the extension has not been started');
      const value = await invokeIn(this.#cell, target, payload, options);
      return {
        value,
        stream: openStream(this.#cell, value, options, () => this.countError()),
      };
    } catch (error) {
      this.#errors++;
      throw error;
    }
  }

  countError(): void {
    this.#errors++;
  }

  kill(error: MagError): void {
    this.#over ??= error;
    this.#cell?.kill(error);
  }

  /** Ends it now: calls in flight may be held by a breakpoint. */
  async stop(): Promise<void> {
    this.#over ??= new MagError('E_NOT_ENABLED', 'the extension was stopped');
    await this.#cell?.stop(this.#over);
  }
}
