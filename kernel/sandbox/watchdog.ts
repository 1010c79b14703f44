import { HEARTBEAT_MISSES, HEARTBEAT_MS } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';
import { unresponsive } from './cell-errors.ts';
import type { ProcessNumbers } from './process-numbers.ts';

export interface WatchdogOptions {
  readonly process: Pick<ProcessNumbers, 'residentBytes' | 'waitedMs' | 'close'>;
  /** What the guest may occupy. */
  readonly memoryMb: number;
  /** Milliseconds the guest may rightly keep the thread without a heartbeat. */
  readonly busyMs: () => number;
  readonly onBite: (error: MagError) => void;
}

/** Megabytes a cell may occupy beside its guest: Node itself, code, buffers of frames. */
const CELL_OVERHEAD_MB = 160;
const TICK_MS = 100;
/** A tick this late means that the host itself did not run: silence proves nothing then. */
const LATE_MS = 400;

/** Watches from outside that a cell lives and how much memory it takes; needs no help of the cell for it. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #timer: NodeJS.Timeout;
  #lastBeat = performance.now();
  #lastTick = performance.now();
  #lastSign = Number.NEGATIVE_INFINITY;
  /** How long the cell had waited for a processor when it was late first; `null`: it is not late. */
  #waitedMs: number | null = null;
  #stopped = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** A heartbeat came, or any other frame. */
  beat(): void {
    this.#lastSign = performance.now();
    this.#lastBeat = this.#lastSign;
  }

  /** @param ms of the clock of `performance` */
  hasHeardSince(ms: number): boolean {
    return this.#lastSign >= ms;
  }

  /** Bites unless something comes in time. What it waits for a processor meanwhile does not count. */
  expectSign(withinMs: number, since = performance.now()): void {
    const before = this.#options.process.waitedMs;
    setTimeout(() => {
      setImmediate(() => {
        if (this.#stopped || this.hasHeardSince(since)) return;
        const waited = this.#options.process.waitedMs - before;
        if (waited < 1) this.#bite(unresponsive());
        else this.expectSign(waited, since);
      });
    }, withinMs).unref();
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#options.process.close();
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#lastTick > LATE_MS) this.#lastBeat = now;
    this.#lastTick = now;
    if (now - this.#lastBeat < HEARTBEAT_MS) this.#waitedMs = null;
    else this.#waitedMs ??= this.#options.process.waitedMs;
    // Timers run before the sockets are read: look again after what has arrived was taken in.
    if (this.#isSilent()) setImmediate(() => this.#biteIfSilent());
    this.#checkMemory();
  }

  /** Only time in which it could have said something counts: on a busy machine a cell waits for its turn. */
  #isSilent(): boolean {
    const over =
      performance.now() - this.#lastBeat - HEARTBEAT_MS * HEARTBEAT_MISSES - this.#options.busyMs();
    if (over <= 0) return false;
    const { waitedMs } = this.#options.process;
    return over > waitedMs - (this.#waitedMs ?? waitedMs);
  }

  #biteIfSilent(): void {
    if (this.#isSilent())
      this.#bite(new MagError('E_LIMIT_CPU', 'the sandbox of the extension stopped reacting'));
  }

  #checkMemory(): void {
    const maxBytes = (this.#options.memoryMb * 1.5 + CELL_OVERHEAD_MB) * 1_048_576;
    if (this.#options.process.residentBytes > maxBytes)
      this.#bite(new MagError('E_LIMIT_MEMORY', 'the extension used more memory than its limit'));
  }

  #bite(error: MagError): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.onBite(error);
  }
}
