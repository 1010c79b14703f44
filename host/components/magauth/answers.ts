/** How long an answer is believed at most, when no change is heard of. */
const BELIEVED_MS = 30_000;
/** Answers kept at most; whichever was not asked for the longest goes first. */
const MAX_KEPT = 10_000;

interface Kept<Value> {
  readonly until: number;
  readonly value: Value;
}

/**
 * Keeps answers until something changes. One that was asked for before a change is given to who asked, and not kept:
 * it may be of before.
 */
export class Answers<Value> {
  readonly #now: () => number;
  #kept = new Map<string, Kept<Value>>();
  #asked = new Map<string, Promise<Value>>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: string): Value | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    if (kept.until <= this.#now()) return undefined;
    this.#kept.set(key, kept);
    return kept.value;
  }

  /** Who asks for the same meanwhile waits for the same answer. A failure is told to all of them, and not kept. */
  ask(key: string, answer: () => Promise<Value>): Promise<Value> {
    const waiting = this.#asked.get(key);
    if (waiting !== undefined) return waiting;
    const [kept, asked] = [this.#kept, this.#asked];
    const until = this.#now() + BELIEVED_MS;
    const promise = answer()
      .then((value) => {
        kept.set(key, { until, value }); // after a change this is a map that nobody reads any more
        const [oldest] = kept.keys();
        if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
        return value;
      })
      .finally(() => asked.delete(key));
    asked.set(key, promise);
    return promise;
  }

  forget(): void {
    this.#kept = new Map();
    this.#asked = new Map();
  }
}
