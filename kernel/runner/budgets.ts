const MIN_SLACK_MS = 20;
const MAX_SLACK_MS = 200;
/** Processor milliseconds of each second that work of no open call may take: a quarter of a core. */
const BACKGROUND_MS_PER_SECOND = 250;
/** What such work may take at once, if its budget for a call is not more. */
const MIN_BACKGROUND_BURST_MS = 1_000;
/** What entering the guest costs beside what runs in it: a timer without end is not free because it is short. */
const ENTRY_US = 30;

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
 * promise nobody awaited) has one budget for all of it, which fills up again at a share of each second: it can
 * go on for ever, but not keep a core.
 */
export class Budgets {
  readonly #open = new Map<number, CallBudget>();
  readonly #now: () => number;
  #sliceUs = 0;
  #backgroundUs = 0;
  #filledAt = 0;

  /** @param now milliseconds of any monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @param sliceMs what a slice of no open call may take in one go */
  setBackground(sliceMs: number): void {
    this.#sliceUs = sliceMs * 1_000;
    this.#backgroundUs = this.#burstUs;
    this.#filledAt = this.#now();
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
    const leftMs = Math.max(1, (this.#open.get(id)?.leftUs ?? this.#backgroundSliceUs()) / 1_000);
    return Math.ceil(leftMs + Math.min(MAX_SLACK_MS, Math.max(MIN_SLACK_MS, leftMs / 2)));
  }

  /** Books a slice. False when the call, or the work of no open call, is over its budget now. */
  spend(id: number, us: number): boolean {
    const budget = this.#open.get(id);
    if (budget === undefined) {
      this.#fill();
      this.#backgroundUs -= us + ENTRY_US;
      return this.#backgroundUs > 0;
    }
    budget.usedUs += us;
    budget.leftUs -= us;
    return budget.leftUs > 0;
  }

  get #burstUs(): number {
    return Math.max(this.#sliceUs, MIN_BACKGROUND_BURST_MS * 1_000);
  }

  #backgroundSliceUs(): number {
    this.#fill();
    return Math.min(this.#sliceUs, this.#backgroundUs);
  }

  #fill(): void {
    const now = this.#now();
    const gainedUs = (now - this.#filledAt) * BACKGROUND_MS_PER_SECOND;
    this.#filledAt = now;
    this.#backgroundUs = Math.min(this.#burstUs, this.#backgroundUs + gainedUs);
  }

  close(id: number): CallBudget | undefined {
    const budget = this.#open.get(id);
    this.#open.delete(id);
    return budget;
  }
}
