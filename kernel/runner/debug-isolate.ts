import type ivm from 'isolated-vm';
import type { InspectorSession, Isolate, Reference } from 'isolated-vm';
import {
  ENTRIES,
  type EntryName,
  type IsolateOptions,
  loadAddon,
  preludeArguments,
  refuseImport,
  type SliceEnd,
} from './isolate.ts';

/** The prelude as one script, put here by the bundler (`host/build/bundle-runner.ts`). */
declare const PRELUDE_SOURCE: string;

const NUDGE_MS = 50;

/** A debugger on the isolate. */
export interface DebugSession {
  dispatch(message: string): void;
  dispose(): void;
}

/**
 * The isolate of a cell in debug mode. Guest code runs on a thread of the isolate's own, so that this one goes
 * on reading frames while a breakpoint holds the guest; nothing is timed, a person is looking at it.
 */
export class DebugIsolate {
  readonly #isolate: Isolate;
  readonly #context: ivm.Context;
  readonly #entries: ReadonlyMap<EntryName, Reference>;
  readonly #nudger: InspectorSession;
  #nudging: NodeJS.Timeout | null = null;
  #inside = 0;

  private constructor(isolate: Isolate, context: ivm.Context, entries: ReadonlyMap<EntryName, Reference>) {
    this.#isolate = isolate;
    this.#context = context;
    this.#entries = entries;
    this.#nudger = isolate.createInspectorSession();
    this.#nudger.onResponse = () => undefined;
    this.#nudger.onNotification = () => undefined;
  }

  static async create(options: IsolateOptions): Promise<DebugIsolate> {
    const addon = loadAddon(options.addonPath);
    const isolate = new addon.Isolate({ memoryLimit: options.memoryMb, inspector: true });
    const context = await isolate.createContext({ inspector: true });
    const installed: Reference = await context.evalClosure(PRELUDE_SOURCE, preludeArguments(addon, options), {
      result: { reference: true },
      filename: 'magflock:prelude',
    });
    const entries = new Map<EntryName, Reference>();
    for (const name of ENTRIES) entries.set(name, await installed.get(name, { reference: true }));
    return new DebugIsolate(isolate, context, entries);
  }

  /** Processor time the isolate has used, in microseconds. Standing at a breakpoint takes none. */
  get cpuUs(): number {
    return this.#isolate.isDisposed ? 0 : Number(this.#isolate.cpuTime / 1_000n);
  }

  /** Resolves when the guest is not held, which may be long. 0 when it is no more. */
  async heapBytes(): Promise<number> {
    try {
      const heap = await this.#isolate.getHeapStatistics();
      return heap.used_heap_size + heap.externally_allocated_size;
    } catch (error) {
      if (this.#isolate.isDisposed) return 0;
      throw error;
    }
  }

  /** Compiles and evaluates the module of the extension and hands its exports to the prelude. */
  load(call: number, code: string, filename: string): Promise<SliceEnd> {
    return this.#slice(async () => {
      const module = await this.#isolate.compileModule(code, { filename });
      await module.instantiate(this.#context, refuseImport);
      await module.evaluate();
      await this.#apply('capture', [call, module.namespace.derefInto()]);
    });
  }

  enter(entry: EntryName, args: readonly (string | number)[]): Promise<SliceEnd> {
    return this.#slice(() => this.#apply(entry, args));
  }

  /** @param onMessage is handed answers and notifications of the debugger, JSON texts */
  openSession(onMessage: (message: string) => void): DebugSession {
    const session: InspectorSession = this.#isolate.createInspectorSession();
    session.onNotification = onMessage;
    session.onResponse = (_call, message) => onMessage(message);
    return {
      dispatch: (message) => session.dispatchProtocolMessage(message),
      dispose: () => session.dispose(),
    };
  }

  async #apply(entry: EntryName, args: readonly unknown[]): Promise<void> {
    await this.#entries.get(entry)?.apply(undefined, [...args]);
  }

  async #slice(run: () => Promise<void>): Promise<SliceEnd> {
    this.#inside++;
    this.#nudging ??= setInterval(() => this.#nudge(), NUDGE_MS);
    try {
      await run();
      return { end: 'returned' };
    } catch (thrown) {
      if (this.#isolate.isDisposed) return { end: 'memory' };
      const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
      return { end: 'threw', message, stack: stack ?? '' };
    } finally {
      if (--this.#inside === 0) this.#stopNudging();
    }
  }

  /**
   * A message that reaches the isolate in the moment in which it stops at a breakpoint is taken up only with
   * the next one: isolated-vm wakes the thread for messages that come while it already waits. So while guest
   * code runs or stands, there is always a next one.
   */
  #nudge(): void {
    if (this.#isolate.isDisposed) this.#stopNudging();
    else this.#nudger.dispatchProtocolMessage('{"id":1,"method":"Runtime.getIsolateId"}');
  }

  #stopNudging(): void {
    if (this.#nudging !== null) clearInterval(this.#nudging);
    this.#nudging = null;
  }
}
