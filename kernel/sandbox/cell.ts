import type { Code } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type {
  CellLoad,
  GuestShape,
  GuestTarget,
  LogLevel,
  RequestContext,
} from '../../manifests/protocol/frames.ts';
import type { MagError } from '../errors.ts';
import type { JailReport } from './jail-report.ts';

/** What the sandbox asks of the kernel on behalf of the extension in a cell. */
export interface CellOwner {
  /**
   * A host call. The extension is known from the channel; `request` is the context of the call on whose
   * behalf the guest asks, as the host recorded it. Resolves with JSON text.
   */
  hostCall(
    name: string,
    params: string,
    request: RequestContext | null,
    signal: AbortSignal,
  ): Promise<string>;
  log(level: LogLevel, message: string, fields: string, request: RequestContext | null): void;
}

export interface InvokeOptions {
  readonly request: RequestContext | null;
  /** Milliseconds until the caller gives up; the guest is stopped at most `KILL_GRACE_MS` later. */
  readonly deadlineMs: number;
  /** Processor milliseconds the call may use. */
  readonly cpuMs: number;
  readonly signal?: AbortSignal;
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
  /** Kills it now and for good; calls in flight and later ones fail with this error. Idempotent. */
  kill(error: MagError): void;
  /** Lets running calls end (at most `drainMs`), then ends the process. Idempotent. */
  stop(drainMs: number): Promise<void>;
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
}

export interface ProcessOptions {
  readonly load: CellLoad;
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
  /** It died too often: no restart follows. */
  readonly onGiveUp: (error: MagError) => void;
}

/** Makes extension processes, and ends all of them with the host. */
export interface Sandbox extends AsyncDisposable {
  create(options: ProcessOptions): ExtensionProcess;
  /** Checks that a cell can be started on this machine. @throws `E_CONFIG` naming what is missing */
  check(): Promise<void>;
  /** Every layer around the cells of this machine, on or off, with the reason. */
  jail(): Promise<JailReport>;
}
