/** Lets others wait until nothing is under way, for so long. */
export class Idle {
  readonly #waiting = new Set<() => void>();

  /** Nothing is under way now. */
  notify(): void {
    for (const resolve of this.#waiting) resolve();
  }

  /** Resolves at the next `notify`, or when the time is over. */
  async wait(maxMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, maxMs);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }
}
