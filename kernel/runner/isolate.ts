import type ivm from 'isolated-vm';
import type { Isolate, Module, Reference } from 'isolated-vm';
import type { CellLoad } from '../../manifests/protocol/frames.ts';
import type { GuestEntries, HostFunctions } from './guest/host-functions.ts';

/** The prelude as one script, put here by the bundler (`host/build/bundle-runner.ts`). */
declare const PRELUDE_SOURCE: string;

export interface IsolateOptions {
  /** The native module of isolated-vm. */
  readonly addonPath: string;
  /** What the guest may occupy. */
  readonly memoryMb: number;
  readonly host: HostFunctions;
}

/** What an isolate is loaded with. */
export interface GuestModule {
  /** JSON texts. */
  readonly extension: string;
  readonly config: string;
  readonly code: string;
  readonly filename: string;
}

/** @param before the pieces of the module that came ahead of the load */
export function moduleOf({ extension, config, code }: CellLoad, before: readonly string[]): GuestModule {
  return {
    extension: JSON.stringify(extension),
    config: JSON.stringify(config),
    code: before.join('') + code,
    filename: `${extension.id}/index.js`,
  };
}

/** How one stay of the thread in the guest ended. */
export type SliceEnd =
  | { readonly end: 'returned' }
  | { readonly end: 'timeout' }
  | { readonly end: 'memory' }
  /** Only module evaluation throws to here; the entries of the prelude catch everything. */
  | { readonly end: 'threw'; readonly message: string; readonly stack: string };

export type EntryName = keyof GuestEntries;
type EntryArgument = string | number;

export const ENTRIES: readonly EntryName[] = [
  'introduce',
  'capture',
  'dispatch',
  'settle',
  'settleError',
  'fire',
  'cancel',
];

/** Milliseconds over its time after which a module is stopped from outside. */
const STOP_MS = 50;

/** Messages of isolated-vm that say why it stopped the guest. */
const TIMED_OUT = 'Script execution timed out.';

/**
 * The only code that touches isolated-vm. The isolate and its prelude are there before it is known whose code they are
 * for: a cell may wait with them (`kernel/sandbox/spare-cells.ts`). Text and numbers go in and out, nothing else: no object of the
 * guest is ever copied, read or thrown across, and no handle of isolated-vm is reachable from the guest.
 */
export class GuestIsolate {
  readonly #isolate: Isolate;
  readonly #context: ivm.Context;
  readonly #entries: ReadonlyMap<EntryName, Reference>;

  constructor(options: IsolateOptions) {
    const addon = loadAddon(options.addonPath);
    // Without `onCatastrophicError`: on this thread it could never run, and V8 would wait for it instead of
    // aborting. The host reads the reason from V8's last words.
    this.#isolate = new addon.Isolate({ memoryLimit: options.memoryMb });
    this.#context = this.#isolate.createContextSync();
    const installed = this.#context.evalClosureSync(PRELUDE_SOURCE, lend(addon, options.host), {
      result: { reference: true },
      filename: 'magflock:prelude',
    });
    // No guest code has run yet: reading the entries by name is safe.
    this.#entries = new Map(ENTRIES.map((name) => [name, installed.getSync(name, { reference: true })]));
  }

  /** Processor time the isolate has used, in microseconds. */
  get cpuUs(): number {
    return this.#isolate.isDisposed ? 0 : Number(this.#isolate.cpuTime / 1_000n);
  }

  get heapBytes(): number {
    if (this.#isolate.isDisposed) return 0;
    const heap = this.#isolate.getHeapStatisticsSync();
    return heap.used_heap_size + heap.externally_allocated_size;
  }

  /**
   * Compiles and evaluates the module of the extension and hands its exports to the prelude. On a thread of the
   * isolate's own, because isolated-vm reads what a module throws after the timed window is over: a getter
   * that loops there can only be stopped by another thread. Nothing may be entered until it has ended.
   */
  async load(call: number, guest: GuestModule, timeoutMs: number): Promise<SliceEnd> {
    let isLate = false;
    const stop = setTimeout(() => {
      isLate = true;
      if (!this.#isolate.isDisposed) this.#isolate.dispose();
    }, timeoutMs + STOP_MS);
    const slice = await this.#evaluate(call, guest, timeoutMs).then(
      (module) => this.#slice(() => this.#apply('capture', [call, module.namespace.derefInto()], timeoutMs)),
      (thrown: unknown) => this.#endOf(thrown),
    );
    clearTimeout(stop);
    return isLate ? { end: 'timeout' } : slice;
  }

  async #evaluate(call: number, guest: GuestModule, timeoutMs: number): Promise<Module> {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // as in `#slice`
    try {
      this.#apply('introduce', [call, guest.extension, guest.config], timeoutMs);
      const module = await this.#isolate.compileModule(guest.code, { filename: guest.filename });
      await module.instantiate(this.#context, refuseImport);
      await module.evaluate({ timeout: timeoutMs });
      return module;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  /** Enters the prelude; microtasks it leaves behind run within the same time. */
  enter(entry: EntryName, args: readonly EntryArgument[], timeoutMs: number): SliceEnd {
    return this.#slice(() => this.#apply(entry, args, timeoutMs));
  }

  #apply(entry: EntryName, args: readonly unknown[], timeoutMs: number): void {
    this.#entries.get(entry)?.applySync(undefined, [...args], { timeout: timeoutMs });
  }

  #slice(run: () => void): SliceEnd {
    // A guest that calls out with its stack all but used up gets an error that was made out here: without
    // frames, which would name files and functions of the host.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      run();
      return { end: this.#isolate.isDisposed ? 'memory' : 'returned' };
    } catch (thrown) {
      return this.#endOf(thrown);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  #endOf(thrown: unknown): SliceEnd {
    if (this.#isolate.isDisposed) return { end: 'memory' };
    const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
    return message === TIMED_OUT ? { end: 'timeout' } : { end: 'threw', message, stack: stack ?? '' };
  }
}

/** Loads the native module itself: its JavaScript side would look for it with the file system. */
export function loadAddon(path: string): typeof ivm {
  const module = { exports: {} as { ivm: typeof ivm } };
  process.dlopen(module, path);
  return module.exports.ivm;
}

/** What the prelude is lent, in the order in which its footer takes it up again. */
export function lend(addon: typeof ivm, host: HostFunctions): ivm.Callback[] {
  return [
    new addon.Callback(host.reply),
    new addon.Callback(host.fail),
    new addon.Callback(host.hostCall),
    new addon.Callback(host.log),
    new addon.Callback(host.startTimer),
    new addon.Callback(host.stopTimer),
    new addon.Callback(host.random),
    new addon.Callback(host.clock),
    new addon.Callback(host.parseUrl),
    new addon.Callback(host.changeUrl),
    new addon.Callback(host.transcode),
    new addon.Callback(host.digest),
  ];
}

export function refuseImport(specifier: string): Module {
  throw new Error(`the module imports "${specifier}"; an extension is one module without imports`);
}
