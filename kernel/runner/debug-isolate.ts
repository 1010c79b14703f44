import type ivm from 'isolated-vm';
import type { Isolate, Reference } from 'isolated-vm';
import { type DebugSession, InspectorSessions } from './inspector-sessions.ts';
import {
  ENTRIES,
  type EntryName,
  type GuestModule,
  type IsolateOptions,
  lend,
  loadAddon,
  refuseImport,
  type SliceEnd,
} from './isolate.ts';

/** The prelude as one script, put here by the bundler (`host/build/bundle-runner.ts`). */
declare const PRELUDE_SOURCE: string;

const NUDGE_MS = 50;
/** Stops before it goes where it is told to. */
const STOPPER = 'return function pause(enter, ...args) { debugger; return enter(...args); }';
/** The least a debugger says to pause is shorter, and it says no more. */
const MAX_PAUSE_CHARS = 200;

/**
 * The isolate of a cell in debug mode. Guest code runs on a thread of the isolate's own, so that this one goes
 * on reading frames while a breakpoint holds the guest; nothing is timed, a person is looking at it.
 */
export class DebugIsolate {
  readonly #isolate: Isolate;
  readonly #context: ivm.Context;
  readonly #entries: ReadonlyMap<EntryName, Reference>;
  readonly #stopper: Reference;
  readonly #sessions: InspectorSessions;
  readonly #nudger: DebugSession;
  #nudging: NodeJS.Timeout | null = null;
  #inside = 0;
  #traceLimit = Error.stackTraceLimit;
  /** A debugger wants the guest to stop, and it has not stopped since. */
  #isToPause = false;

  private constructor(
    isolate: Isolate,
    context: ivm.Context,
    entries: ReadonlyMap<EntryName, Reference>,
    stopper: Reference,
    sessions: InspectorSessions,
  ) {
    this.#isolate = isolate;
    this.#context = context;
    this.#entries = entries;
    this.#stopper = stopper;
    this.#sessions = sessions;
    this.#nudger = sessions.open(() => undefined);
  }

  static async create(options: IsolateOptions): Promise<DebugIsolate> {
    const addon = loadAddon(options.addonPath);
    const isolate = new addon.Isolate({ memoryLimit: options.memoryMb, inspector: true });
    const context = await isolate.createContext({ inspector: true });
    const sessions = new InspectorSessions(() => isolate.createInspectorSession());
    const installed: Reference = await context.evalClosure(PRELUDE_SOURCE, lend(addon, options.host), {
      result: { reference: true },
      filename: 'magflock:prelude',
    });
    const entries = new Map<EntryName, Reference>();
    for (const name of ENTRIES) entries.set(name, await installed.get(name, { reference: true }));
    const stopper: Reference = await context.evalClosure(STOPPER, [], {
      result: { reference: true },
      filename: 'magflock:pause',
    });
    return new DebugIsolate(isolate, context, entries, stopper, sessions);
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
  load(call: number, { extension, config, code, filename }: GuestModule): Promise<SliceEnd> {
    return this.#slice(async () => {
      await this.#apply('introduce', [call, extension, config]);
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
    const session = this.#sessions.open((message) => {
      if (message.startsWith('{"method":"Debugger.paused"')) this.#isToPause = false;
      onMessage(message);
    });
    return {
      dispatch: (message) => {
        const id = readPause(message);
        if (id !== null) this.#isToPause = true;
        if (id !== null && this.#inside === 0) onMessage(JSON.stringify({ id, result: {} }));
        else session.dispatch(message);
      },
      dispose: () => {
        this.#isToPause = false;
        session.dispose();
      },
    };
  }

  /**
   * V8 keeps "pause at the next call" for the thread that it was told on, and isolated-vm enters an isolate on
   * any thread of a pool: told to pause while nothing runs, the guest mostly ran on. So the next entry stops by
   * itself; V8 is told only while there is something to interrupt.
   */
  async #apply(entry: EntryName, args: readonly unknown[]): Promise<void> {
    const enter = this.#entries.get(entry);
    if (enter === undefined) return;
    const isToPause = this.#isToPause;
    this.#isToPause = false;
    if (isToPause) await this.#stopper.apply(undefined, [enter.derefInto(), ...args]);
    else await enter.apply(undefined, [...args]);
  }

  async #slice(run: () => Promise<void>): Promise<SliceEnd> {
    this.#comeIn();
    this.#nudging ??= setInterval(() => this.#nudge(), NUDGE_MS);
    try {
      await run();
      return { end: 'returned' };
    } catch (thrown) {
      if (this.#isolate.isDisposed) return { end: 'memory' };
      const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
      return { end: 'threw', message, stack: stack ?? '' };
    } finally {
      this.#goOut();
    }
  }

  /** As in `GuestIsolate`: errors made out here while the guest calls out name nothing of the host. */
  #comeIn(): void {
    if (this.#inside++ > 0) return;
    this.#traceLimit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
  }

  #goOut(): void {
    if (--this.#inside > 0) return;
    Error.stackTraceLimit = this.#traceLimit;
    this.#stopNudging();
  }

  /**
   * A message that reaches the isolate in the moment in which it stops at a breakpoint is taken up only with
   * the next one: isolated-vm wakes the thread for messages that come while it already waits. So while guest
   * code runs or stands, there is always a next one.
   */
  #nudge(): void {
    if (this.#isolate.isDisposed) this.#stopNudging();
    else this.#nudger.dispatch('{"id":1,"method":"Runtime.getIsolateId"}');
  }

  #stopNudging(): void {
    if (this.#nudging !== null) clearInterval(this.#nudging);
    this.#nudging = null;
  }
}

/** The id of a message that asks to pause; `null` for any other. */
function readPause(message: string): number | null {
  if (message.length > MAX_PAUSE_CHARS || !message.includes('"Debugger.pause"')) return null;
  try {
    const { id, method }: { id?: unknown; method?: unknown } = JSON.parse(message);
    return method === 'Debugger.pause' && typeof id === 'number' ? id : null;
  } catch {
    return null; // V8 says what is wrong with it
  }
}
