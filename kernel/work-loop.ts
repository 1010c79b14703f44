/** Does what there is to do whenever it is woken: never twice at once, and again when it was woken meanwhile. */
export class WorkLoop {
  readonly #work: () => Promise<void>;
  #isWoken = false;
  #running: Promise<void> | null = null;

  /** @param work never rejects */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when there is nothing left to do. Cheap while it is at work already. */
  wake(): Promise<void> {
    this.#isWoken = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Resolves when it is at work no longer, at once when it is not now. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isWoken) {
      this.#isWoken = false;
      await this.#work();
    }
    // In the same moment: who wakes it from now on begins anew.
    this.#running = null;
  }
}
