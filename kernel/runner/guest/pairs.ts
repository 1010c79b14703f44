import type { Field } from './form-encoding.ts';
import { allKeys, append, GuestTypeError, getDescriptor, iteratorSymbol } from './primordials.ts';

/**
 * What Headers and URLSearchParams are made of: an iterable of pairs, or a record. Runs guest code, in the
 * order the standard says.
 * @param read makes text of a name or value, and throws on what is none
 */
export function pairsOf(init: object, read: (value: unknown) => string): Field[] {
  const method = (init as Record<symbol, unknown>)[iteratorSymbol];
  if (method === undefined || method === null) return recordOf(init, read);
  if (typeof method !== 'function') throw new GuestTypeError('The init is not iterable');
  const fields: Field[] = [];
  for (const pair of init as Iterable<unknown>) append(fields, fieldOf(pair, read));
  return fields;
}

function fieldOf(pair: unknown, read: (value: unknown) => string): Field {
  if (typeof pair !== 'object' || pair === null) throw notAPair();
  const parts: unknown[] = [];
  for (const part of pair as Iterable<unknown>) {
    append(parts, part);
    if (parts.length > 2) throw notAPair();
  }
  if (parts.length !== 2) throw notAPair();
  return { name: read(parts[0]), value: read(parts[1]) };
}

function recordOf(record: object, read: (value: unknown) => string): Field[] {
  const fields: Field[] = [];
  const keys = allKeys(record);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string | symbol;
    if (getDescriptor(record, key)?.enumerable !== true) continue;
    if (typeof key === 'symbol') throw new GuestTypeError('A symbol is no name');
    append(fields, { name: read(key), value: read((record as Record<string, unknown>)[key]) });
  }
  return fields;
}

function notAPair(): TypeError {
  return new GuestTypeError('Each query pair must be an iterable [name, value] tuple');
}
