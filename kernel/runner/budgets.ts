const MIN_SLACK_MS = 20;
const MAX_SLACK_MS = 200;

/** What one call has used and said. */
export interface CallBudget {
  readonly id: number;
  /** Processor microseconds left. */
  leftUs: number;
  usedUs: number;
  /** A frame about this call left the cell, so it needs no acknowledgement. */
  spoke: boolean;
}

/**
 * The processor budgets of the calls in the guest. Work that goes on after its call was answered (a timer, a
 * promise nobody awaited) gets a fresh budget each time it runs: it can be long in sum, never in one go.
 */
export class Budgets {
  readonly #open = new Map<number, CallBudget>();
  #backgroundUs = 0;

  /** @param backgroundMs what a slice of no open call may take */
  setBackground(backgroundMs: number): void {
    this.#backgroundUs = backgroundMs * 1_000;
  }

  open(id: number, cpuMs: number): CallBudget {
    const budget = { id, leftUs: cpuMs * 1_000, usedUs: 0, spoke: false };
    this.#open.set(id, budget);
    return budget;
  }

  get(id: number): CallBudget | undefined {
    return this.#open.get(id);
  }

  /**
   * Wall milliseconds after which the next slice of a call is stopped. A little more than what is left of its
   * processor time: on a busy machine a slice takes longer than it computes.
   */
  sliceMs(id: number): number {
    const leftMs = Math.max(1, (this.#open.get(id)?.leftUs ?? this.#backgroundUs) / 1_000);
    return Math.ceil(leftMs + Math.min(MAX_SLACK_MS, Math.max(MIN_SLACK_MS, leftMs / 2)));
  }

  /** Books a slice. False when the call is over its budget now. */
  spend(id: number, us: number): boolean {
    const budget = this.#open.get(id);
    if (budget === undefined) return true;
    budget.usedUs += us;
    budget.leftUs -= us;
    return budget.leftUs > 0;
  }

  close(id: number): CallBudget | undefined {
    const budget = this.#open.get(id);
    this.#open.delete(id);
    return budget;
  }
}
