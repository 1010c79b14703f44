import type { Check } from '../schema-compiler.ts';

/** JSON values that a schema of an extension may consist of: compiling more takes the host too long. */
export const MAX_SCHEMA_VALUES = 2_000;
/** Comparisons that one check may come to; so many take some 50 ms of the host's own thread. */
const MAX_COMPARISONS = 300_000;
/** A text is read whole by some keywords: so many characters cost what one comparison does. */
const CHARS_PER_COMPARISON = 100;
/** What stands below these is applied to each item or member of a value. */
const REPEATING = new Set([
  ...[
    'items',
    'contains',
    'unevaluatedItems',
    'additionalProperties',
    'unevaluatedProperties',
    'propertyNames',
  ],
]);

/** Says what is wrong with a value, or `null`. */
export type BoundedCheck = (value: unknown) => string | null;

/**
 * The check of a schema that `schemaProblems` finds nothing wrong with, in bounded time: every part of a schema is
 * compared once with each value it is applied to, so a value that would take too many comparisons is refused unread.
 * @param name of the value, for the sentence
 */
export function boundedCheck(name: string, schema: unknown, valid: Check): BoundedCheck {
  const { all, repeated } = weightOf(schema, false);
  return (value) => {
    const { values, chars } = sizeOf(value);
    const text = chars / CHARS_PER_COMPARISON;
    if (repeated * (values + text) + all * text > MAX_COMPARISONS)
      return `${name} is too large to be checked against its schema`;
    if (valid(value)) return null;
    const first = valid.errors?.[0];
    return `${name}${first?.instancePath ?? ''} ${first?.message ?? 'does not match'}`;
  };
}

/** JSON values in a schema: all, and those that may be applied more than once. */
export function weightOf(schema: unknown, isRepeated: boolean): { all: number; repeated: number } {
  const weight = { all: 1, repeated: isRepeated ? 1 : 0 };
  if (typeof schema !== 'object' || schema === null) return weight;
  for (const [key, part] of Object.entries(schema)) {
    const { all, repeated } = weightOf(part, isRepeated || REPEATING.has(key));
    weight.all += all;
    weight.repeated += repeated;
  }
  return weight;
}

/** Values in a value, itself included, and characters of its texts and names. */
function sizeOf(value: unknown): { values: number; chars: number } {
  if (typeof value === 'string') return { values: 1, chars: value.length };
  const size = { values: 1, chars: 0 };
  if (typeof value !== 'object' || value === null) return size;
  for (const [key, part] of Object.entries(value)) {
    const { values, chars } = sizeOf(part);
    size.values += values;
    size.chars += chars + (Array.isArray(value) ? 0 : key.length);
  }
  return size;
}
