import type { Json } from '#sdk';
import { type Attributes, attributeAt, EvaluationFailure, type Work } from './context.ts';
import type { Flag } from './definition.ts';
import { pick, type Rollout, TARGETING_KEY } from './rollout.ts';

/** What a flag is for a context, and why: the reason is one of OpenFeature. */
export interface Evaluation {
  readonly value: Json;
  readonly variant: string;
  readonly reason: 'STATIC' | 'TARGETING_MATCH' | 'SPLIT' | 'DISABLED' | 'DEFAULT';
  /** The rule that held; `null`: none. */
  readonly rule: string | null;
}

/** @throws `EvaluationFailure` */
export function evaluate(flag: Flag, attributes: Attributes, work: Work): Evaluation {
  const is = (variant: string, reason: Evaluation['reason'], rule: string | null = null): Evaluation => {
    const value = flag.variants.get(variant);
    if (value === undefined)
      throw new EvaluationFailure('PARSE_ERROR', 'the flag names a variant it does not have');
    return { value, variant, reason, rule };
  };
  work.spend(1);
  if (!flag.enabled) return is(flag.offVariant, 'DISABLED');
  for (const { name, holds, serves } of flag.rules) {
    if (!holds(attributes, work)) continue;
    if (typeof serves === 'string') return is(serves, 'TARGETING_MATCH', name);
    return is(drawn(flag, serves, attributes, work), 'SPLIT', name);
  }
  if (flag.rollout !== null) return is(drawn(flag, flag.rollout, attributes, work), 'SPLIT');
  return is(flag.defaultVariant, flag.rules.length === 0 ? 'STATIC' : 'DEFAULT');
}

function drawn({ salt }: Flag, rollout: Rollout, attributes: Attributes, work: Work): string {
  work.spend(rollout.weights.size);
  return pick(rollout, salt, bucketOf(attributes, rollout.by));
}

/** What tells people apart. Numbers and texts that look the same are the same. */
function bucketOf(attributes: Attributes, by: string): string {
  const value = attributeAt(attributes, by);
  if (value !== undefined && value !== '' && typeof value !== 'object') return String(value);
  if (by === TARGETING_KEY)
    throw new EvaluationFailure(
      'TARGETING_KEY_MISSING',
      'the flag is rolled out by targetingKey, which is missing',
    );
  throw new EvaluationFailure(
    'INVALID_CONTEXT',
    `the flag is rolled out by ${by}, which is missing in the context`,
  );
}
