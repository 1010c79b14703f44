import { cloneBinary } from './clone-binary.ts';
import { cloneBuiltIn } from './clone-built-in.ts';
import { namedError } from './named-error.ts';
import {
  define,
  execute,
  GuestArray,
  hasOwn,
  isArray,
  ownKeys,
  type PrivateMap,
  plainPrototype,
  privateMap,
  prototypeOf,
  toStringTag,
  toTag,
} from './primordials.ts';

type Copies = PrivateMap<object, object>;
export type CloneMember = (value: unknown) => unknown;
/** Notes a copy before its members are cloned, so that cycles lead back to it. */
export type Remember = <Copy extends object>(copy: Copy) => Copy;

/** Objects with slots of their own that no copy could have, by what they call themselves. */
const UNCLONEABLE =
  /^\[object (?:Arguments|Symbol|Promise|Weak(?:Map|Set|Ref)|(?:Async)?Generator|.* (?:Iterator|Helper)|Module|Intl\..*|(?:Async)?DisposableStack|Headers|Request|Response|URL|URLSearchParams)\]$/;

/**
 * The structured clone of plain data: primitives and their objects, arrays, plain objects, Map, Set, Date,
 * RegExp, Error, ArrayBuffer and its views, with cycles. What it cannot clone (functions, symbols, promises,
 * …) is refused with an Error named `DataCloneError`, and so is a `transfer` of anything. A proxy is read
 * like what it stands for: nothing in the language tells it apart.
 */
export function structuredClone<Value>(
  value: Value,
  options?: { transfer?: { readonly length: number } } | null,
): Value {
  if ((options?.transfer?.length ?? 0) > 0)
    throw namedError('DataCloneError', 'nothing can be transferred in a sandbox: clone it');
  return clone(value, privateMap()) as Value;
}

function clone(value: unknown, copies: Copies): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw cannotClone(typeof value);
  if (typeof value !== 'object' || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const member: CloneMember = (inner) => clone(inner, copies);
  const remember: Remember = (copy) => {
    copies.set(value, copy);
    return copy;
  };
  if (isArray(value)) return copyMembers(value, remember(new GuestArray(value.length)), member);
  if (isPlain(value)) return copyMembers(value, remember({}), member);
  return (
    cloneBinary(value, member, remember) ??
    cloneBuiltIn(value, member, remember) ??
    cloneOther(value, member, remember)
  );
}

/** The common case, told without a look at any slot. */
function isPlain(value: object): boolean {
  return prototypeOf(value) === plainPrototype && toTag(value) === '[object Object]';
}

/** An instance of a class is cloned as a plain object. */
function cloneOther(value: object, member: CloneMember, remember: Remember): object {
  const name = toTag(value);
  const isNamedByItself = hasOwn(value, toStringTag);
  if (!isNamedByItself && execute(UNCLONEABLE, name) !== null) throw cannotClone(name);
  return copyMembers(value, remember({}), member);
}

function copyMembers(from: object, to: object, member: CloneMember): object {
  const keys = ownKeys(from);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    // A getter may have removed it meanwhile.
    if (hasOwn(from, key)) define(to, key, member((from as Record<string, unknown>)[key]), true);
  }
  return to;
}

function cannotClone(what: string): Error {
  return namedError('DataCloneError', `${what} could not be cloned.`);
}
