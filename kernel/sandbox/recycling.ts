/** What a cell shows of itself. */
export interface Wear {
  readonly calls: number;
  /** The latest heartbeat; a new object each time. */
  readonly beat: { readonly heapBytes: number };
}

const AFTER_CALLS = 100_000;
/** Share of its memory that a worn cell keeps however often V8 collects. */
const WORN_SHARE = 0.8;
/** Heartbeats in which V8 collects at least once: the least heap of them is what is really in use. */
const BEATS = 8;
/** Windows of that many heartbeats, each with more in use than the one before. */
const RISES = 3;
/** Milliseconds until another cell of the extension is replaced for its memory, or after a failed try. */
const PAUSE_MS = 60_000;

/** Says when a cell is worn: it has answered many calls, or its memory only grows. */
export class Recycling {
  readonly #afterCalls: number;
  readonly #wornBytes: number;
  readonly #now: () => number;
  #lastBeat: Wear['beat'] | null = null;
  #beats = 0;
  #least = Number.POSITIVE_INFINITY;
  #before = 0;
  #rises = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param afterCalls calls after which a cell is replaced; default 100,000
   * @param now milliseconds of any monotonic clock
   */
  constructor(memoryMb: number, afterCalls = AFTER_CALLS, now: () => number = () => performance.now()) {
    this.#afterCalls = afterCalls;
    this.#wornBytes = memoryMb * 1_048_576 * WORN_SHARE;
    this.#now = now;
  }

  isWorn({ calls, beat }: Wear): boolean {
    const rising = this.#isRising(beat);
    if (this.#now() < this.#pausedUntil) return false;
    if (rising) this.#pausedUntil = this.#now() + PAUSE_MS;
    return rising || calls >= this.#afterCalls;
  }

  /** A new cell is looked at. */
  reset(): void {
    this.#lastBeat = null;
    this.#newWindow();
    this.#before = 0;
    this.#rises = 0;
  }

  /** The next cell could not be started: the one there is goes on. */
  failed(): void {
    this.#pausedUntil = this.#now() + PAUSE_MS;
  }

  #isRising(beat: Wear['beat']): boolean {
    if (beat === this.#lastBeat) return this.#rises >= RISES;
    this.#lastBeat = beat;
    this.#least = Math.min(this.#least, beat.heapBytes);
    if (++this.#beats < BEATS) return false;
    const isHigher = this.#least > this.#wornBytes && this.#least > this.#before;
    this.#rises = isHigher ? this.#rises + 1 : 0;
    this.#before = this.#least;
    this.#newWindow();
    return this.#rises >= RISES;
  }

  #newWindow(): void {
    this.#beats = 0;
    this.#least = Number.POSITIVE_INFINITY;
  }
}
