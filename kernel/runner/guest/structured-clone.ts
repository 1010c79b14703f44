import { GuestError } from './primordials.ts';

type Seen = Map<object, unknown>;

/**
 * The structured clone of plain data: primitives, arrays, plain objects, Map, Set, Date, RegExp, Error,
 * ArrayBuffer and its views, with cycles. What it cannot clone (functions, symbols, promises, …) is refused
 * with an Error named `DataCloneError`.
 */
export function structuredClone<Value>(value: Value): Value {
  return clone(value, new Map()) as Value;
}

function clone(value: unknown, seen: Seen): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw cannotClone(typeof value);
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  return cloneBinary(value, seen) ?? cloneBuiltIn(value, seen) ?? cloneObject(value, seen);
}

function cloneBinary(value: object, seen: Seen): object | undefined {
  if (value instanceof ArrayBuffer) return remember(seen, value, value.slice(0));
  if (!ArrayBuffer.isView(value)) return undefined;
  const buffer = clone(value.buffer, seen) as ArrayBuffer;
  const View = value.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => object;
  const length = value instanceof DataView ? value.byteLength : (value as Uint8Array).length;
  return remember(seen, value, new View(buffer, value.byteOffset, length));
}

function cloneBuiltIn(value: object, seen: Seen): object | undefined {
  if (value instanceof Date) return remember(seen, value, new Date(value.getTime()));
  if (value instanceof RegExp) return remember(seen, value, new RegExp(value.source, value.flags));
  if (value instanceof Error) return cloneError(value, seen);
  if (value instanceof Map) {
    const copy = remember(seen, value, new Map());
    for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen));
    return copy;
  }
  if (value instanceof Set) {
    const copy = remember(seen, value, new Set());
    for (const item of [...value]) copy.add(clone(item, seen));
    return copy;
  }
  return undefined;
}

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

function cloneError(value: Error, seen: Seen): Error {
  const Known = Object.hasOwn(ERRORS, value.name) ? ERRORS[value.name] : undefined;
  const copy = remember(seen, value, new (Known ?? Error)(value.message));
  if (value.stack !== undefined) copy.stack = value.stack;
  if ('cause' in value) copy.cause = clone(value.cause, seen);
  return copy;
}

function cloneObject(value: object, seen: Seen): object {
  const tag = Object.prototype.toString.call(value);
  if (Array.isArray(value)) return copyMembers(value, remember(seen, value, new Array(value.length)), seen);
  if (tag !== '[object Object]') throw cannotClone(tag);
  return copyMembers(value, remember(seen, value, {}), seen);
}

function copyMembers(from: object, to: object, seen: Seen): object {
  for (const [key, item] of Object.entries(from)) {
    const copy = clone(item, seen);
    Object.defineProperty(to, key, { value: copy, writable: true, enumerable: true, configurable: true });
  }
  return to;
}

function remember<Copy extends object>(seen: Seen, original: object, copy: Copy): Copy {
  seen.set(original, copy);
  return copy;
}

function cannotClone(what: string): Error {
  const error = new GuestError(`${what} could not be cloned`);
  error.name = 'DataCloneError';
  return error;
}
