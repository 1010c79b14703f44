const WINDOW_MS = 10 * 60_000;
const MAX_DEATHS = 5;
/** Milliseconds before the first, second, … restart in a row; the last one repeats. */
const BACKOFF_MS = [0, 100, 500, 2_000, 5_000] as const;

/** Whether and when a cell that died is started again. */
export class RestartPolicy {
  readonly #now: () => number;
  #deaths: number[] = [];

  /** @param now milliseconds of any monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Notes a death. Milliseconds until the restart, or `null` when there were too many. */
  afterDeath(): number | null {
    const now = this.#now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < WINDOW_MS), now];
    if (this.#deaths.length >= MAX_DEATHS) return null;
    return BACKOFF_MS[this.#deaths.length - 1] ?? BACKOFF_MS[BACKOFF_MS.length - 1] ?? 0;
  }
}
