import { hash32 } from './hash.ts';
import { invalid } from './problems.ts';
import { members, nameIn } from './shapes.ts';

/** Shares of variants: each gets its weight divided by the sum of all. */
export interface Rollout {
  /** The attribute whose value says where somebody ends up. */
  readonly by: string;
  readonly weights: ReadonlyMap<string, number>;
}

export const TARGETING_KEY = 'targetingKey';
const MAX_WEIGHT = 1_000_000;

/** Of `{ weights: { on: 10, off: 90 }, by?: 'company' }`. @throws `INVALID` */
export function readRollout(value: unknown, variants: ReadonlyMap<string, unknown>): Rollout {
  const { by, weights } = members(value, 'a rollout', ['by', 'weights']);
  const shares = Object.entries(members(weights, 'weights of a rollout')).map(([variant, weight]) => {
    if (!variants.has(variant)) throw invalid(`a rollout names ${quoted(variant)}, which is no variant`);
    if (typeof weight !== 'number' || !(weight >= 0 && weight <= MAX_WEIGHT))
      throw invalid(`the weight of ${variant} is a number from 0 to ${MAX_WEIGHT}`);
    return [variant, weight] as const;
  });
  if (!shares.some(([, weight]) => weight > 0)) throw invalid('some weight of a rollout is above 0');
  return { by: by === undefined ? TARGETING_KEY : nameIn(by, 'by'), weights: new Map(shares) };
}

/**
 * Weighted rendezvous hashing: every variant draws a number for the bucket, and the highest wins. Where somebody ends
 * up does not hang on the order of variants, and when a weight is raised or a variant added, people move to it and
 * nobody moves between the others.
 */
export function pick({ weights }: Rollout, salt: string, bucket: string): string {
  let [best, highest] = ['', -1];
  for (const [variant, weight] of weights) {
    const drawn = (hash32(`${salt}\0${variant}\0${bucket}`) + 0.5) / 2 ** 32;
    const score = weight / -Math.log(drawn);
    if (score > highest || (score === highest && variant < best)) [best, highest] = [variant, score];
  }
  return best;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
