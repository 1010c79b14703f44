import { type Context, ExtensionError, type GuardedRequest } from '#sdk';

const MINUTE_MS = 60_000;

/**
 * Calls of this minute by principal. It lives as long as its cell and each host has its own, which is enough
 * to keep a client in bounds; what is charged for belongs into `ctx.state`.
 */
let minute = 0;
let calls = new Map<string, number>();

/** The plan of a principal is its role; a role without one is not limited. */
export function refuseOverPlan({ principal }: GuardedRequest, ctx: Context, nowMs: number): void {
  const plans = ctx.config.callsPerMinute as Record<string, number>;
  const limit = principal === null ? undefined : plans[principal.role];
  if (principal === null || limit === undefined) return;
  const now = Math.floor(nowMs / MINUTE_MS);
  if (now !== minute) {
    minute = now;
    calls = new Map();
  }
  const count = (calls.get(principal.id) ?? 0) + 1;
  calls.set(principal.id, count);
  if (count > limit) throw new ExtensionError('PLAN_EXCEEDED', `The plan has ${limit} calls a minute.`);
}
