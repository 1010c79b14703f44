type Now = () => number;

const monotonic: Now = () => performance.now();

/** Counts what happens in each second. */
export class Rate {
  readonly #perSecond: number;
  readonly #now: Now;
  #windowStart = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** @param now milliseconds of any monotonic clock */
  constructor(perSecond: number, now: Now = monotonic) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Whether one more may happen in this second; counts it if so. */
  take(): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= 1_000) {
      this.#windowStart = now;
      this.#count = 0;
    }
    if (this.#count >= this.#perSecond) return false;
    this.#count++;
    return true;
  }

  /** Milliseconds until the next second begins. */
  get waitMs(): number {
    return Math.max(0, 1_000 - (this.#now() - this.#windowStart));
  }
}

/** Lets a burst through, and so many a second for ever. */
export class Bucket {
  readonly #size: number;
  readonly #perSecond: number;
  readonly #now: Now;
  #left: number;
  #filledAt: number;

  /** @param now milliseconds of any monotonic clock */
  constructor(size: number, perSecond: number, now: Now = monotonic) {
    this.#size = size;
    this.#perSecond = perSecond;
    this.#now = now;
    this.#left = size;
    this.#filledAt = now();
  }

  take(): boolean {
    const now = this.#now();
    this.#left = Math.min(this.#size, this.#left + ((now - this.#filledAt) / 1_000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
