import { MagError, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { CellKind } from './launch.ts';
import type { RunningCell } from './running-cell.ts';

export interface SpareCellsOptions {
  /** How many wait; 0: none. */
  readonly count: number;
  /** Starts a cell that nobody has yet. @throws `E_CELL_LOST`, `E_SHUTDOWN` */
  readonly launch: (kind: CellKind) => Promise<RunningCell>;
  readonly logger: Logger;
}

interface Spare {
  readonly kind: CellKind;
  readonly cell: RunningCell;
  isReady: boolean;
}

/** What an extension gets whose manifest asks for nothing else. */
const USUAL: CellKind = { jit: true, memoryMb: 64 };
/** Milliseconds after the last one was taken: whoever took it is started first. */
const FILL_MS = 100;
/** Milliseconds until it is tried again after the first, second, … failure in a row; the last one repeats. */
const BACKOFF_MS = [1_000, 5_000, 30_000, 60_000] as const;

/**
 * Cells that wait for an extension: jailed, with an isolate and its prelude, and without code, identity or
 * configuration of anybody. Each is handed out once. What can only be set when a process is started is its kind; a
 * cell of another kind is never handed out.
 */
export class SpareCells {
  readonly #options: SpareCellsOptions;
  /** The kinds that were asked for last: one spare of each. */
  #wanted: CellKind[];
  #spares: Spare[] = [];
  #timer: NodeJS.Timeout | undefined;
  #filling = false;
  #failures = 0;
  #stopped = false;

  constructor(options: SpareCellsOptions) {
    this.#options = options;
    this.#wanted = Array.from({ length: options.count }, () => USUAL);
  }

  /** How many are ready and wait. */
  get waiting(): number {
    return this.#spares.filter(({ cell, isReady }) => isReady && !cell.isDead).length;
  }

  /** One of this kind, for good; it may still be on its way. `undefined`: there is none. */
  take(kind: CellKind): RunningCell | undefined {
    const { count } = this.#options;
    if (count === 0) return undefined;
    this.#wanted = [...this.#wanted, kind].slice(-count);
    const spare = this.#spares.find((one) => isSame(one.kind, kind) && !one.cell.isDead);
    this.#spares = this.#spares.filter((one) => one !== spare);
    if (spare !== undefined) this.#failures = 0;
    this.fillSoon();
    return spare?.cell;
  }

  /** Starts what is missing, when nobody has asked for a cell for a moment. Idempotent. */
  fillSoon(): void {
    if (this.#stopped || this.#options.count === 0) return;
    clearTimeout(this.#timer);
    const delayMs = BACKOFF_MS[Math.min(this.#failures, BACKOFF_MS.length) - 1] ?? FILL_MS;
    this.#timer = setTimeout(() => void this.#fill(), delayMs).unref();
  }

  /** Starts no more. Those that wait are ended with all other cells. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** One after the other: no start of an extension waits behind all of them. */
  async #fill(): Promise<void> {
    if (this.#filling) return;
    this.#filling = true;
    for (let kind = this.#nextMissing(); kind !== undefined; kind = this.#nextMissing()) {
      const isReady = await this.#add(kind).catch((failure: unknown) => this.#failed(messageOf(failure)));
      if (isReady !== true) break;
    }
    this.#filling = false;
  }

  /** Resolves with whether it waits now. */
  async #add(kind: CellKind): Promise<boolean> {
    const cell = await this.#options.launch(kind);
    const spare = { kind, cell, isReady: false };
    this.#spares.push(spare);
    void cell.ended.then(({ error }) => {
      if (!this.#spares.includes(spare)) return; // whoever has it sees to it
      this.#spares = this.#spares.filter((one) => one !== spare);
      this.#failed(error.message);
    });
    await cell.hello().then(
      () => (spare.isReady = true),
      () => undefined, // why, is told at its end
    );
    return spare.isReady;
  }

  #failed(reason: string): void {
    if (this.#stopped) return;
    this.#failures++;
    this.#options.logger.warn({ reason }, 'a spare cell ended');
    this.fillSoon();
  }

  #dismissUnwanted(): void {
    const wanted = [...this.#wanted];
    this.#spares = this.#spares.filter(({ kind, cell }) => {
      const at = wanted.findIndex((one) => isSame(one, kind));
      if (at >= 0) wanted.splice(at, 1);
      else void cell.stop(new MagError('E_CELL_LOST', 'no extension came for the cell'));
      return at >= 0;
    });
  }

  #nextMissing(): CellKind | undefined {
    if (this.#stopped) return undefined;
    this.#dismissUnwanted();
    const spares = this.#spares.map(({ kind }) => kind);
    return this.#wanted.find((kind) => {
      const at = spares.findIndex((one) => isSame(one, kind));
      if (at >= 0) spares.splice(at, 1);
      return at < 0;
    });
  }
}

function isSame(one: CellKind, other: CellKind): boolean {
  return one.jit === other.jit && one.memoryMb === other.memoryMb;
}
