import type { DevHost } from './dev-host.ts';
import type { ProfileCall } from './profile-calls.ts';

/** A host that runs the extension. */
type Measurable = Pick<DevHost, 'url' | 'token' | 'manifest'>;

/** How the answers to one call came. */
export interface Measured {
  readonly call: ProfileCall;
  readonly latenciesMs: number[];
  /** Answers by status. */
  readonly statuses: Map<number, number>;
}

export interface Budget {
  /** Rounds of all calls; `null`: as many as fit the time. */
  readonly rounds: number | null;
  readonly seconds: number;
}

/** Makes the calls one after the other, round by round. Ends early when the signal aborts. */
export async function measure(
  host: Measurable,
  calls: readonly ProfileCall[],
  { rounds, seconds }: Budget,
  signal: AbortSignal,
): Promise<Measured[]> {
  const measured = calls.map((call): Measured => ({ call, latenciesMs: [], statuses: new Map() }));
  const endsAt = performance.now() + seconds * 1_000;
  const isOver = (round: number) => (rounds === null ? performance.now() >= endsAt : round >= rounds);
  for (let round = 0; !isOver(round) && !signal.aborted; round++) {
    for (const one of measured) {
      const startedAt = performance.now();
      const status = await request(host, one.call, signal);
      one.latenciesMs.push(performance.now() - startedAt);
      one.statuses.set(status, (one.statuses.get(status) ?? 0) + 1);
    }
  }
  return measured;
}

/** One request as a client makes it, up to the last byte of the answer. */
export async function request(host: Measurable, call: ProfileCall, signal: AbortSignal): Promise<number> {
  const response = await fetch(`${host.url}/x/${host.manifest.id}${call.path}`, {
    method: call.method,
    headers: {
      authorization: `Bearer ${host.token}`,
      ...(call.body === null ? {} : { 'content-type': 'application/json' }),
    },
    body: call.body,
    signal,
  });
  await response.arrayBuffer();
  return response.status;
}

/** The value below which so much of the samples lies; 0 of none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
