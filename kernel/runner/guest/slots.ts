import { getterOf, uncurry } from './primordials.ts';

/** What the slots of built-in objects hold, read past every override. Each throws on an object without them. */
export const dateValue: (value: unknown) => number = uncurry(Date.prototype.getTime) as never;
export const expressionSource: (value: unknown) => string = getterOf(RegExp.prototype, 'source');
export const mapSize: (value: unknown) => number = getterOf(Map.prototype, 'size');
export const setSize: (value: unknown) => number = getterOf(Set.prototype, 'size');
export const eachOfMap = uncurry(Map.prototype.forEach);
export const eachOfSet = uncurry(Set.prototype.forEach);
export const addToMap = uncurry(Map.prototype.set);
export const addToSet = uncurry(Set.prototype.add);

/** Values that objects can be made of: `new Number(1)`. */
export const BOXED: readonly ((value: unknown) => unknown)[] = [
  uncurry(Number.prototype.valueOf) as never,
  uncurry(String.prototype.valueOf) as never,
  uncurry(Boolean.prototype.valueOf) as never,
  uncurry(BigInt.prototype.valueOf) as never,
];

const FLAGS: readonly [letter: string, read: (value: unknown) => boolean][] = [
  ['d', getterOf(RegExp.prototype, 'hasIndices')],
  ['g', getterOf(RegExp.prototype, 'global')],
  ['i', getterOf(RegExp.prototype, 'ignoreCase')],
  ['m', getterOf(RegExp.prototype, 'multiline')],
  ['s', getterOf(RegExp.prototype, 'dotAll')],
  ['u', getterOf(RegExp.prototype, 'unicode')],
  ['v', getterOf(RegExp.prototype, 'unicodeSets')],
  ['y', getterOf(RegExp.prototype, 'sticky')],
];

export function expressionFlags(expression: unknown): string {
  let flags = '';
  for (let i = 0; i < FLAGS.length; i++) {
    const flag = FLAGS[i] as (typeof FLAGS)[number];
    if (flag[1](expression)) flags += flag[0];
  }
  return flags;
}

export const NewMap = Map;
export const NewSet = Set;
export const NewDate = Date;
export const NewRegExp = RegExp;
export const toObject: (value: unknown) => object = Object;
export const NewDataView = DataView;

type ViewConstructor = new (buffer: ArrayBuffer, offset: number, length: number) => object;

/** The constructors of typed arrays by their names. */
export const TYPED_ARRAYS = {
  __proto__: null,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as unknown as Readonly<Record<string, ViewConstructor>>;

/** Errors that keep their class in a clone, as the standard lists them. */
export const ERRORS = {
  __proto__: null,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
} as unknown as Readonly<Record<string, ErrorConstructor>>;
