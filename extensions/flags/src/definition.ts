import type { Json, JsonObject } from '#sdk';
import { readCondition, type Test } from './conditions.ts';
import { invalid, Refusal } from './problems.ts';
import { type Rollout, readRollout } from './rollout.ts';
import { listIn, type Members, members, textIn } from './shapes.ts';

/** A flag, ready to be evaluated. */
export interface Flag {
  readonly enabled: boolean;
  readonly variants: ReadonlyMap<string, Json>;
  readonly defaultVariant: string;
  readonly offVariant: string;
  /** The first that holds decides. */
  readonly rules: readonly Rule[];
  /** For whom no rule holds; `null`: they get the default variant. */
  readonly rollout: Rollout | null;
  /** Flags with the same salt and rollout treat the same people alike. */
  readonly salt: string;
}

export interface Rule {
  readonly name: string;
  readonly holds: Test;
  readonly serves: string | Rollout;
}

export const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const MAX_DEFINITION_CHARS = 16_384;
const VARIANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const [MAX_VARIANTS, MAX_RULES, MAX_TAGS] = [32, 50, 20];
const MEMBERS = [
  ...['type', 'enabled', 'variants', 'defaultVariant', 'offVariant', 'rules', 'rollout', 'salt'],
  ...['description', 'tags'],
];

const TYPES: ReadonlyMap<unknown, (value: unknown) => boolean> = new Map([
  ['boolean', (value) => typeof value === 'boolean'],
  ['string', (value) => typeof value === 'string'],
  ['number', (value) => typeof value === 'number'],
  ['integer', (value) => Number.isSafeInteger(value)],
  ['object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
]);

/** @throws `INVALID` */
export function keyIn(value: unknown): string {
  if (typeof value === 'string' && KEY.test(value)) return value;
  throw invalid(`the key of a flag matches ${KEY.source}`);
}

/**
 * What somebody wants a flag to be, complete: a boolean flag needs no variants (`on`, `off`), every flag is enabled
 * unless it says not, and `off` is what it is when it is not.
 * @throws `INVALID`, `TOO_LARGE`
 */
export function completed(value: unknown): JsonObject {
  if (JSON.stringify(members(value, 'a flag', MEMBERS)).length > MAX_DEFINITION_CHARS)
    throw new Refusal('TOO_LARGE', 'a flag is at most 16 KiB');
  const given = value as JsonObject;
  const plain =
    given.type === 'boolean' && given.variants === undefined
      ? { variants: { on: true, off: false }, defaultVariant: 'off', offVariant: 'off' }
      : {};
  const definition = { enabled: true, rules: [], description: '', tags: [], ...plain, ...given };
  const complete = { ...definition, offVariant: definition.offVariant ?? definition.defaultVariant };
  readFlag('', complete);
  return complete;
}

/** Of a definition that is complete. @throws `INVALID` */
export function readFlag(key: string, definition: unknown): Flag {
  const given = members(definition, 'a flag', MEMBERS);
  const variants = variantsIn(given);
  const variant = (name: 'defaultVariant' | 'offVariant') => variantIn(given[name], name, variants);
  if (typeof given.enabled !== 'boolean') throw invalid('enabled is true or false');
  textIn(given.description, 'description', 2_000, 0);
  for (const tag of listIn(given.tags, 'tags', MAX_TAGS)) textIn(tag, 'a tag', 64);
  const allowance = { conditions: 200, listed: 1_000 };
  const rules = listIn(given.rules, 'rules', MAX_RULES).map((rule, place): Rule => {
    const { name, when, variant: served, rollout } = members(rule, 'a rule', RULE_MEMBERS);
    if ((served === undefined) === (rollout === undefined))
      throw invalid('a rule has either a variant or a rollout');
    return {
      name: name === undefined ? `rule ${place + 1}` : textIn(name, 'name of a rule', 64),
      holds: readCondition(when, allowance),
      serves:
        rollout === undefined
          ? variantIn(served, 'variant of a rule', variants)
          : readRollout(rollout, variants),
    };
  });
  return {
    enabled: given.enabled,
    variants,
    defaultVariant: variant('defaultVariant'),
    offVariant: variant('offVariant'),
    rules,
    rollout: given.rollout === undefined ? null : readRollout(given.rollout, variants),
    salt: given.salt === undefined ? key : textIn(given.salt, 'salt', 128),
  };
}

const RULE_MEMBERS = ['name', 'when', 'variant', 'rollout'];

function variantsIn({ type, variants }: Members): ReadonlyMap<string, Json> {
  const isOfType = TYPES.get(type);
  if (isOfType === undefined) throw invalid(`type is one of ${[...TYPES.keys()].join(', ')}`);
  const named = Object.entries(members(variants, 'variants'));
  if (named.length === 0 || named.length > MAX_VARIANTS)
    throw invalid(`there are 1 to ${MAX_VARIANTS} variants`);
  for (const [name, value] of named) {
    if (!VARIANT.test(name)) throw invalid(`the name of a variant matches ${VARIANT.source}`);
    if (!isOfType(value)) throw invalid(`variant ${name} is no ${type}`);
  }
  return new Map(named as [string, Json][]);
}

function variantIn(value: unknown, what: string, variants: ReadonlyMap<string, Json>): string {
  if (typeof value === 'string' && variants.has(value)) return value;
  throw invalid(`${what} names one of the variants: ${[...variants.keys()].join(', ')}`);
}
