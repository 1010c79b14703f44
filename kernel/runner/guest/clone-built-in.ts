import { append, define, GuestError, getDescriptor, isError, passes, toText } from './primordials.ts';
import {
  addToMap,
  addToSet,
  BOXED,
  dateValue,
  ERRORS,
  eachOfMap,
  eachOfSet,
  expressionFlags,
  expressionSource,
  mapSize,
  NewDate,
  NewMap,
  NewRegExp,
  NewSet,
  setSize,
  toObject,
} from './slots.ts';
import type { CloneMember, Remember } from './structured-clone.ts';

/** The clone of an object that is told by its slots, whatever it says of itself. */
export function cloneBuiltIn(value: object, member: CloneMember, remember: Remember): object | undefined {
  if (isError(value)) return cloneError(value as Error, member, remember);
  if (passes(dateValue, value)) return remember(new NewDate(dateValue(value)));
  if (passes(mapSize, value)) return cloneMap(value as Map<unknown, unknown>, member, remember);
  if (passes(setSize, value)) return cloneSet(value as Set<unknown>, member, remember);
  if (isExpression(value)) return remember(new NewRegExp(expressionSource(value), expressionFlags(value)));
  for (let i = 0; i < BOXED.length; i++) {
    const unbox = BOXED[i] as (value: unknown) => unknown;
    if (passes(unbox, value)) return remember(toObject(unbox(value)));
  }
  return undefined;
}

/** The flags of `RegExp.prototype` itself read as `undefined` instead of throwing. */
function isExpression(value: object): boolean {
  return passes(expressionSource, value) && value !== NewRegExp.prototype;
}

function cloneError(value: Error, member: CloneMember, remember: Remember): Error {
  const Known = ERRORS[toText(value.name)] ?? GuestError;
  const message = getDescriptor(value, 'message');
  const copy = remember(new Known());
  if (message !== undefined && 'value' in message) define(copy, 'message', toText(message.value));
  const { stack } = value;
  if (typeof stack === 'string') define(copy, 'stack', stack);
  const cause = getDescriptor(value, 'cause');
  if (cause !== undefined && 'value' in cause) define(copy, 'cause', member(cause.value));
  return copy;
}

/** Taken down first: what is cloned may change the original while it is read. */
function cloneMap(value: Map<unknown, unknown>, member: CloneMember, remember: Remember): object {
  const copy = remember(new NewMap<unknown, unknown>());
  const entries: { key: unknown; item: unknown }[] = [];
  eachOfMap(value, (item, key) => append(entries, { key, item }));
  for (let i = 0; i < entries.length; i++) {
    const { key, item } = entries[i] as (typeof entries)[number];
    addToMap(copy, member(key), member(item));
  }
  return copy;
}

function cloneSet(value: Set<unknown>, member: CloneMember, remember: Remember): object {
  const copy = remember(new NewSet<unknown>());
  const items: unknown[] = [];
  eachOfSet(value, (item) => append(items, item));
  for (let i = 0; i < items.length; i++) addToSet(copy, member(items[i]));
  return copy;
}
