/**
 * The built-ins as they were before any guest code ran. The prelude uses these and plain syntax only: what
 * the guest does to the globals or their prototypes later must not change what crosses the wall. So, outside
 * of values the guest hands in: no spread, no `for of`, no array patterns (they ask the prototypes for an
 * iterator), no `instanceof` (it asks the constructor), no assignment to a new index (it may hit a setter),
 * and no reading beyond the end (it may hit a getter).
 */
const apply = Reflect.apply;

export function uncurry<Self, Args extends unknown[], Result>(
  method: (this: Self, ...args: Args) => Result,
): (self: Self, ...args: Args) => Result {
  return (self, ...args) => apply(method, self, args);
}

/** The getter of an accessor on a prototype, as a function of the object. Throws on an object of another kind. */
export function getterOf<Value>(prototype: object, key: PropertyKey): (self: unknown) => Value {
  const getter = Object.getOwnPropertyDescriptor(prototype, key)?.get;
  if (getter === undefined) throw new TypeError(`no getter: ${String(key)}`);
  return (self) => apply(getter, self, []) as Value;
}

export const reflectApply = apply;
export const parseJson: (text: string) => unknown = JSON.parse;
export const stringifyJson: (value: unknown) => string | undefined = JSON.stringify;
export const freeze = Object.freeze;
export const ownKeys = Object.keys;
export const allKeys = Reflect.ownKeys;
export const getDescriptor = Object.getOwnPropertyDescriptor;
export const hasOwn = Object.hasOwn;
export const defineProperty = Object.defineProperty;
export const isArray = Array.isArray;
export const isError: (value: unknown) => boolean = (Error as unknown as { isError(value: unknown): boolean })
  .isError;
export const toText: (value: unknown) => string = String;
export const toNumber: (value: unknown) => number = Number;
export const fromCharCode = String.fromCharCode;
export const charCodeAt = uncurry(String.prototype.charCodeAt);
export const sliceText = uncurry(String.prototype.slice);
export const indexOfText = uncurry(String.prototype.indexOf);
export const toLowerCase = uncurry(String.prototype.toLowerCase);
export const toUpperCase = uncurry(String.prototype.toUpperCase);
export const toWellFormed = uncurry(String.prototype.toWellFormed);
export const trimText = uncurry(String.prototype.trim);
/** Runs an expression without asking it for its `exec`. */
export const execute = uncurry(RegExp.prototype.exec);
export const sortArray: <Item>(array: Item[], compare: (a: Item, b: Item) => number) => Item[] = uncurry(
  Array.prototype.sort,
) as never;
export const mathMin = Math.min;
export const mathTrunc = Math.trunc;
export const parseInteger = Number.parseInt;
export const numberToText = uncurry(Number.prototype.toString);
export const GuestError = Error;
export const GuestTypeError = TypeError;
export const GuestRangeError = RangeError;
export const GuestPromise = Promise;
export const iteratorSymbol: typeof Symbol.iterator = Symbol.iterator;
export const asyncIteratorSymbol: typeof Symbol.asyncIterator = Symbol.asyncIterator;
export const Bytes = Uint8Array;
export const Buffer = ArrayBuffer;
export const isView = ArrayBuffer.isView;
/** Throws on what is no buffer. */
export const bufferSize: (buffer: unknown) => number = getterOf(ArrayBuffer.prototype, 'byteLength');
export const bufferMaxSize: (buffer: unknown) => number = getterOf(ArrayBuffer.prototype, 'maxByteLength');
export const isResizable: (buffer: unknown) => boolean = getterOf(ArrayBuffer.prototype, 'resizable');
export const isDetached: (buffer: unknown) => boolean = getterOf(ArrayBuffer.prototype, 'detached');
/** Moves the content into a buffer of another length; the old one is gone. Asks nobody for a species. */
export const transferBuffer = uncurry(ArrayBuffer.prototype.transferToFixedLength);

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
/** `Uint8Array`, …, or `undefined` for what is no typed array. */
export const typedArrayName: (value: unknown) => string | undefined = getterOf(
  typedArray,
  Symbol.toStringTag,
);
/** Copies all bytes of the second to the start of the first. */
export const setBytes: (into: Uint8Array, from: Uint8Array) => void = uncurry(Uint8Array.prototype.set);
export const typedLength: (value: unknown) => number = getterOf(typedArray, 'length');
const typedSize: (value: unknown) => number = getterOf(typedArray, 'byteLength');
const typedOffset: (value: unknown) => number = getterOf(typedArray, 'byteOffset');
const typedBuffer: (value: unknown) => ArrayBuffer = getterOf(typedArray, 'buffer');
const dataSize: (value: unknown) => number = getterOf(DataView.prototype, 'byteLength');
const dataOffset: (value: unknown) => number = getterOf(DataView.prototype, 'byteOffset');
const dataBuffer: (value: unknown) => ArrayBuffer = getterOf(DataView.prototype, 'buffer');

export interface ViewParts {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Where a view looks at, read from its slots. */
export function viewParts(view: ArrayBufferView): ViewParts {
  return typedArrayName(view) === undefined
    ? { buffer: dataBuffer(view), offset: dataOffset(view), size: dataSize(view) }
    : { buffer: typedBuffer(view), offset: typedOffset(view), size: typedSize(view) };
}

/** True when a function that throws on objects of another kind does not throw on this one. */
export function passes(check: (value: unknown) => unknown, value: unknown): boolean {
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
}

export const isBuffer = (value: unknown): value is ArrayBuffer => passes(bufferSize, value);

/** The bytes of a buffer or a view, not copied; `undefined` for anything else. */
export function bytesIn(value: unknown): Uint8Array | undefined {
  if (isView(value)) {
    const { buffer, offset, size } = viewParts(value);
    return new Bytes(buffer, offset, size);
  }
  return isBuffer(value) ? new Bytes(value) : undefined;
}

/** Text with one character a byte. */
export function binaryText(bytes: Uint8Array): string {
  const { buffer, offset, size } = viewParts(bytes);
  let text = '';
  for (let at = 0; at < size; at += 8_192) {
    const length = mathMin(8_192, size - at);
    const part = new Bytes(buffer, offset + at, length);
    define(part, 'length', length); // read by its name: not the getter on the prototype
    text += apply(fromCharCode, undefined, part);
  }
  return text;
}

/** The bytes of text with one character a byte. */
export function bytesOfBinary(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Bytes(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = charCodeAt(text, i);
  return bytes;
}

const then = uncurry(Promise.prototype.then);
/** Without a constructor to ask for a species. */
const resolved = defineProperty(Promise.resolve(), 'constructor', { value: undefined });

/** Runs a function as a microtask. */
export function soon(run: () => void): void {
  then(resolved, run);
}

/** A dictionary without prototype: any key is just a key. */
export function dictionary<Value>(): { [key: string]: Value | undefined } {
  return { __proto__: null } as unknown as { [key: string]: Value | undefined };
}

/** A property like those of the platform: writable, configurable, and enumerable when told so. */
export function define(target: object, key: PropertyKey, value: unknown, enumerable = false): void {
  const slot = { __proto__: null, value, writable: true, configurable: true, enumerable };
  defineProperty(target, key, slot as PropertyDescriptor);
}

/** Adds to the end of an array, past whatever setters there are on its prototypes. */
export function append<Item>(array: Item[], item: Item): void {
  define(array, array.length, item, true);
}

/** Names a class to `Object.prototype.toString`, as the platform's classes are. */
export function tag(target: { readonly prototype: object }, name: string): void {
  const slot = { __proto__: null, value: name, configurable: true };
  defineProperty(target.prototype, Symbol.toStringTag, slot as PropertyDescriptor);
}

/** A Map that only the prelude can touch. */
export interface PrivateMap<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
}

const GuestWeakMap = WeakMap;
const weakGet = uncurry(WeakMap.prototype.get);
const weakSet = uncurry(WeakMap.prototype.set);

/** As `privateMap`, without keeping the keys. */
export function privateWeakMap<Key extends object, Value>(): PrivateMap<Key, Value> {
  const map = new GuestWeakMap<object, unknown>();
  return {
    get: (key) => weakGet(map, key) as Value | undefined,
    set: (key, value) => void weakSet(map, key, value),
  };
}

const GuestMap = Map;
const mapGet = uncurry(Map.prototype.get);
const mapSet = uncurry(Map.prototype.set);

export function privateMap<Key, Value>(): PrivateMap<Key, Value> {
  const map = new GuestMap<unknown, unknown>();
  return {
    get: (key) => mapGet(map, key) as Value | undefined,
    set: (key, value) => void mapSet(map, key, value),
  };
}

/** `[object Date]`, …, as an object calls itself. */
export const toTag: (value: unknown) => string = uncurry(Object.prototype.toString);

export const GuestArray = Array;
export const prototypeOf = Object.getPrototypeOf;
export const plainPrototype = Object.prototype;
export const toStringTag: typeof Symbol.toStringTag = Symbol.toStringTag;

/** Makes an array serialise as itself, whatever `toJSON` the guest puts on its prototypes. */
export function asPlainJson<Item>(array: Item[]): Item[] {
  define(array, 'toJSON', undefined);
  return array;
}
