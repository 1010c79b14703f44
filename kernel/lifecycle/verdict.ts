import type { HealthSample } from '../ports.ts';

/** Failed checks in a row that disable an extension (spec 06, run). */
const FAILURES_IN_A_ROW = 3;
/** Share of failed calls over a minute that does. */
const ERROR_SHARE = 0.5;
const ERROR_WINDOW_MS = 60_000;
/** Fewer calls than this in a minute say nothing. */
const CALLS_THAT_COUNT = 20;

/**
 * Why an extension must be disabled, judged by its samples, newest first; `null`: it may go on. Pure.
 */
export function verdict(samples: readonly HealthSample[], now: Date): string | null {
  const recent = samples.slice(0, FAILURES_IN_A_ROW);
  if (recent.length === FAILURES_IN_A_ROW && recent.every(({ healthy }) => !healthy)) {
    return `${FAILURES_IN_A_ROW} health checks in a row failed`;
  }
  const inWindow = samples.filter(({ at }) => now.getTime() - at.getTime() <= ERROR_WINDOW_MS);
  const calls = sum(inWindow.map((sample) => sample.calls));
  const errors = sum(inWindow.map((sample) => sample.errors));
  if (calls < CALLS_THAT_COUNT || errors / calls <= ERROR_SHARE) return null;
  return `${errors} of ${calls} calls within a minute failed`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
