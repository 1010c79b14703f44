/** Counts what comes: so many in a second, and twice as many at once. */
export class Bucket {
  readonly #perSecond: number;
  #left: number;
  #at = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond * 2;
  }

  /** False: it is one too many. */
  take(): boolean {
    const now = performance.now();
    const refilled = this.#left + ((now - this.#at) / 1_000) * this.#perSecond;
    this.#at = now;
    this.#left = Math.min(this.#perSecond * 2, refilled);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
