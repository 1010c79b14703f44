import type { Code } from '../../manifests/catalog/index.ts';
import { MagError } from '../errors.ts';

/** Failed checks in a row that end an extension (spec 06, run). */
const FAILURES_IN_A_ROW = 3;
/** Share of failed calls over a minute that does. */
const ERROR_SHARE = 0.5;
const MINUTE_MS = 60_000;
/** Fewer calls than this in a minute say nothing. */
const CALLS_THAT_COUNT = 20;
/** Broken budgets in ten minutes that do. */
const BREAKS = 5;
const BREAKS_WINDOW_MS = 10 * MINUTE_MS;

/**
 * What broken budgets are. A refused rate or egress (`E_LIMIT_RATE`, `E_LIMIT_EGRESS`) is none: it was answered,
 * cost nobody anything and comes in bursts; it is counted in `refused`.
 */
const BUDGETS: ReadonlySet<Code> = new Set(['E_LIMIT_CPU', 'E_LIMIT_WALL', 'E_LIMIT_MEMORY']);

interface Counted {
  readonly calls: number;
  readonly errors: number;
}

/** What is known of one run of an extension that tells whether it is well. Times are milliseconds of one clock. */
export class Verdict {
  #failedChecks = 0;
  /** Counted since it runs, oldest first: a minute, and the last one before. */
  #marks: (Counted & { readonly atMs: number })[] = [{ atMs: Number.NEGATIVE_INFINITY, calls: 0, errors: 0 }];
  #breaks: { readonly atMs: number; readonly code: Code }[] = [];

  checked(healthy: boolean): void {
    this.#failedChecks = healthy ? 0 : this.#failedChecks + 1;
  }

  /** Notes how many calls there were and failed since it runs. */
  counted({ calls, errors }: Counted, nowMs: number): void {
    const startOfMinute = nowMs - MINUTE_MS;
    const firstInside = this.#marks.findIndex(({ atMs }) => atMs > startOfMinute);
    this.#marks = this.#marks.slice(Math.max(0, (firstInside < 0 ? this.#marks.length : firstInside) - 1));
    this.#marks.push({ atMs: nowMs, calls, errors });
  }

  /** Notes the end of a call or of its cell by a limit. False when the code is that of no budget. */
  broke(code: Code, nowMs: number): boolean {
    if (!BUDGETS.has(code)) return false;
    this.#breaks.push({ atMs: nowMs, code });
    return true;
  }

  /** Why it must not go on as it is, by its checks and its calls; `null`: it may. */
  get failing(): MagError | null {
    if (this.#failedChecks >= FAILURES_IN_A_ROW)
      return new MagError('E_HEALTH', `${FAILURES_IN_A_ROW} health checks in a row failed`);
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (first === undefined || last === undefined) return null;
    const [calls, errors] = [last.calls - first.calls, last.errors - first.errors];
    if (calls < CALLS_THAT_COUNT || errors / calls <= ERROR_SHARE) return null;
    return new MagError('E_HEALTH', `${errors} of ${calls} calls within a minute failed`);
  }

  /** Why it must not, by the budgets it broke; the code is that of the last one. */
  overBudget(nowMs: number): MagError | null {
    this.#breaks = this.#breaks.filter(({ atMs }) => nowMs - atMs < BREAKS_WINDOW_MS);
    const last = this.#breaks.at(-1);
    if (last === undefined || this.#breaks.length < BREAKS) return null;
    const counts = new Map<Code, number>();
    for (const { code } of this.#breaks) counts.set(code, (counts.get(code) ?? 0) + 1);
    const which = [...counts].map(([code, count]) => `${count} of ${code}`).join(', ');
    return new MagError(last.code, `${this.#breaks.length} broken budgets within ten minutes: ${which}`);
  }
}
