import { readFile } from 'node:fs/promises';
import { HEARTBEAT_MISSES, HEARTBEAT_MS } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';

export interface WatchdogOptions {
  readonly pid: number;
  /** What the whole process may occupy. */
  readonly maxResidentBytes: number;
  /** Milliseconds the guest may rightly keep the thread without a heartbeat. */
  readonly busyMs: () => number;
  readonly onBite: (error: MagError) => void;
}

const TICK_MS = 100;
/** A tick this late means that the host itself did not run: silence proves nothing then. */
const LATE_MS = 400;
const PAGE_BYTES = 4_096;

/** Watches from outside that a cell lives and how much memory it takes; needs no help of the cell for it. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #timer: NodeJS.Timeout;
  #lastBeat = performance.now();
  #lastTick = performance.now();
  #stopped = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** A heartbeat came. */
  beat(): void {
    this.#lastBeat = performance.now();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#lastTick > LATE_MS) this.#lastBeat = now;
    this.#lastTick = now;
    // Timers run before the sockets are read: look again after what has arrived was taken in.
    if (this.#isSilent()) setImmediate(() => this.#biteIfSilent());
    void this.#checkMemory();
  }

  #isSilent(): boolean {
    const allowed = HEARTBEAT_MS * HEARTBEAT_MISSES + this.#options.busyMs();
    return performance.now() - this.#lastBeat > allowed;
  }

  #biteIfSilent(): void {
    if (this.#isSilent())
      this.#bite(new MagError('E_LIMIT_CPU', 'the sandbox of the extension stopped reacting'));
  }

  async #checkMemory(): Promise<void> {
    const resident = await residentBytes(this.#options.pid);
    if (resident > this.#options.maxResidentBytes) {
      this.#bite(new MagError('E_LIMIT_MEMORY', 'the extension used more memory than its limit'));
    }
  }

  #bite(error: MagError): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.onBite(error);
  }
}

/** Resident memory of a process; 0 where the system does not tell or the process is gone. */
async function residentBytes(pid: number): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const text = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '');
  return Number(text.split(' ')[1] ?? 0) * PAGE_BYTES;
}
