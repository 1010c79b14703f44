import type { Code } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type {
  CellLoad,
  GuestShape,
  GuestTarget,
  LogLevel,
  RequestContext,
} from '../../manifests/protocol/frames.ts';
import type { MagError } from '../errors.ts';
import type { CallUnit } from '../transactions.ts';
import type { JailFacts } from './jail.ts';

/** What the sandbox asks of the kernel on behalf of the extension in a cell. */
export interface CellOwner {
  /**
   * A host call. The extension is known from the channel, the call on whose behalf the guest asks from the
   * host's own record. Resolves with JSON text.
   */
  hostCall(name: string, params: string, origin: CallOrigin): Promise<string>;
  log(level: LogLevel, message: string, fields: string, request: RequestContext | null): void;
  /** What the guest says of an error, without what must not be in the log of the host. By default as it is. */
  clean?(text: string): string;
}

/** The call that a host call is made in. */
export interface CallOrigin {
  readonly request: RequestContext | null;
  /** Aborted when that call is over; one for all that it asks for. */
  readonly signal: AbortSignal;
  /** What all of it is part of. */
  readonly unit: CallUnit | null;
  /** The extensions that called each other up to this one, the first one first; empty: the host called. */
  readonly chain: readonly ExtensionId[];
}

/** Tells that nobody waits for an answer any more. Every `AbortSignal` is one; a call gets one that costs less. */
export interface Cancellation {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface InvokeOptions {
  readonly request: RequestContext | null;
  /** The extensions on whose behalf it is called, the first one first. Absent: the host's own. */
  readonly chain?: readonly ExtensionId[];
  /** Milliseconds until the caller gives up; the guest is stopped at most `KILL_GRACE_MS` later. */
  readonly deadlineMs: number;
  /** Processor milliseconds the call may use. */
  readonly cpuMs: number;
  readonly signal?: Cancellation;
  /** What all its effects are part of. */
  readonly unit?: CallUnit;
  /** Others used up most of its time: running over it breaks no budget of its own. */
  readonly isCutShort?: boolean;
}

export interface GuestCall {
  readonly target: GuestTarget;
  readonly payload: Json;
  readonly options: InvokeOptions;
}

/** What an endpoint answered, and the rest of it when that comes piece by piece. */
export interface EndpointAnswer {
  readonly value: Json;
  /** The body; `null`: it is part of the value. Whoever is handed one has to read it, or to end it. */
  readonly stream: GuestStream | null;
}

/** The body of an answer as the extension makes it: nothing of it is made before it is asked for. */
export interface GuestStream {
  /**
   * The next piece, `null` at the end. One at a time.
   * @throws why it was ended, `E_LIMIT_*`, `E_CELL_LOST`, `E_EXTENSION`; it has ended then
   */
  next(): Promise<Uint8Array | null>;
  /** Has the extension told that nobody wants the rest, if there is any. Idempotent. */
  end(reason: MagError): void;
  /** Aborted with the reason when it was ended before its end. */
  readonly ended: AbortSignal;
  /** Resolves when there is nothing more to come, for whatever reason. Never rejects. */
  readonly over: Promise<void>;
}

/** The running program of one extension: a jailed process that is started again when it dies. */
export interface ExtensionProcess {
  /** Launches, loads the module and runs `onReady` before any call is let in. */
  start(): Promise<GuestShape>;
  /**
   * Calls a member of the extension's definition. Waits for a restart under way.
   * @throws `E_LIMIT_*`, `E_CELL_LOST`, `E_PROTOCOL`, `E_EXTENSION`, or the code of what the guest let through
   */
  invoke(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<Json>;
  /**
   * Calls one after the other, each when the one before it has succeeded. What they return is not looked at.
   * @returns of each what `invoke` throws; a call that was not made, because one before it failed or there was no
   *   cell for so many, rejects with `CallNotTaken`. One alone waits for a restart under way
   */
  invokeInTurn(calls: readonly GuestCall[]): Promise<void>[];
  /** Calls an endpoint as `invoke` does. Its stream, if it has one, is of the cell that answered, and goes with it. */
  serve(target: GuestTarget, payload: Json, options: InvokeOptions): Promise<EndpointAnswer>;
  /** Kills it now and for good; calls in flight and later ones fail with this error. Idempotent. */
  kill(error: MagError): void;
  /** Lets running calls end (at most `drainMs`), then ends the process. Idempotent. */
  stop(drainMs: number): Promise<void>;
  /** Counts a call as failed whose answer says so: the kernel does not read answers. */
  countError(): void;
  readonly stats: CellStats;
}

export interface CellStats {
  readonly pid: number | null;
  readonly restarts: number;
  readonly calls: number;
  readonly errors: number;
  readonly cpuMs: number;
  readonly heapBytes: number;
  /** Cells that were replaced in time, without a failed call. */
  readonly recycled: number;
  readonly hostCalls: number;
  /** Calls that a limit ended and host calls that one refused, by the code of the limit. */
  readonly refused: Readonly<Partial<Record<Code, number>>>;
  readonly droppedLogs: number;
  /** Milliseconds this host's thread was busy with its frames: reading, the start of host calls, writing. */
  readonly hostMs: number;
}

export interface ProcessOptions {
  readonly load: CellLoad;
  /** What the guest may occupy. */
  readonly memoryMb: number;
  readonly hostCallsPerSecond: number;
  readonly jit: boolean;
  readonly owner: CellOwner;
  /** Runs after every start, before calls are let in: `init()` and `start()` of the extension. */
  readonly onReady: (invoke: ExtensionProcess['invoke']) => Promise<void>;
  /** Calls after which a cell is replaced by a fresh one beside it. Default 100,000. */
  readonly recycleAfterCalls?: number;
  /** Runs in a replaced cell when it has no calls left: `stop()` of the extension. */
  readonly onRetire?: (invoke: ExtensionProcess['invoke']) => Promise<void>;
  /** The cell died; a restart follows after a backoff. */
  readonly onDeath: (error: MagError) => void;
  /** A call ran over a budget of its own (`E_LIMIT_CPU`, `E_LIMIT_WALL`), and the cell goes on. */
  readonly onOverBudget?: (error: MagError) => void;
  /** It died too often: no restart follows. */
  readonly onGiveUp: (error: MagError) => void;
}

/** Makes extension processes, and ends all of them with the host. */
export interface Sandbox extends AsyncDisposable {
  create(options: ProcessOptions): ExtensionProcess;
  /** Checks that a cell can be started on this machine. @throws `E_CONFIG` naming what is missing */
  check(): Promise<void>;
  /** How many cells are ready and wait for an extension. */
  spares(): number;
  /** What the cells of this machine are jailed with. */
  jail(): Promise<JailFacts>;
}
