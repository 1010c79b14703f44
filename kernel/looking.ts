/** Looks for work whenever it is woken: never twice at once, and again when it was woken meanwhile. */
export class Looking {
  readonly #look: () => Promise<void>;
  #isWoken = false;
  #running: Promise<void> | null = null;

  /** @param look never rejects */
  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  /** Resolves when there is nothing left to look for. Cheap when it is looking already. */
  wake(): Promise<void> {
    this.#isWoken = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Resolves when it does not look any more, at once when it does not look now. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isWoken) {
      this.#isWoken = false;
      await this.#look();
    }
    // In the same moment: who wakes it from now on begins anew.
    this.#running = null;
  }
}
