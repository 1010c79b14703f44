import type { JsonObject } from '../../../manifests/json.ts';

/** `warn`: it runs, weaker than it could. `fail`: the host does not run like this. */
type Verdict = 'ok' | 'warn' | 'fail';

/** What one look at the machine found. */
export interface Finding extends JsonObject {
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found, with the reason. */
  readonly detail: string;
  /** What to do about it; `null` when nothing is to be done. */
  readonly remedy: string | null;
}

export function ok(check: string, detail: string): Finding {
  return { check, verdict: 'ok', detail, remedy: null };
}

export function warn(check: string, detail: string, remedy: string): Finding {
  return { check, verdict: 'warn', detail, remedy };
}

export function fail(check: string, detail: string, remedy: string): Finding {
  return { check, verdict: 'fail', detail, remedy };
}
