/** How long this host's thread was busy with one extension. Measured at the edges; what is nested counts once. */
export class HostTime {
  #ms = 0;
  #measuring = false;

  /** Milliseconds so far. */
  get ms(): number {
    return this.#ms;
  }

  /** Runs synchronous work and adds the time it took. */
  measure<Result>(work: () => Result): Result {
    if (this.#measuring) return work();
    this.#measuring = true;
    const startedAt = performance.now();
    try {
      return work();
    } finally {
      this.#ms += performance.now() - startedAt;
      this.#measuring = false;
    }
  }
}
