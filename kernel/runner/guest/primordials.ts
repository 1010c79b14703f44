/**
 * The built-ins as they were before any guest code ran. The prelude uses these and plain syntax only: what
 * the guest does to the globals or their prototypes later must not change what crosses the wall.
 */
const apply = Reflect.apply;

function uncurry<Self, Args extends unknown[], Result>(
  method: (this: Self, ...args: Args) => Result,
): (self: Self, ...args: Args) => Result {
  return (self, ...args) => apply(method, self, args);
}

export const reflectApply = apply;
export const parseJson: (text: string) => unknown = JSON.parse;
export const stringifyJson: (value: unknown) => string | undefined = JSON.stringify;
export const freeze = Object.freeze;
export const ownKeys = Object.keys;
export const hasOwn = Object.hasOwn;
export const defineProperty = Object.defineProperty;
export const isArray = Array.isArray;
export const toText: (value: unknown) => string = String;
export const fromCharCode = String.fromCharCode;
export const charCodeAt = uncurry(String.prototype.charCodeAt);
export const sliceText = uncurry(String.prototype.slice);
export const toLowerCase = uncurry(String.prototype.toLowerCase);
export const trimText = uncurry(String.prototype.trim);
export const mathMin = Math.min;
export const mathTrunc = Math.trunc;
export const parseInteger = Number.parseInt;
export const GuestError = Error;
export const GuestTypeError = TypeError;
export const GuestRangeError = RangeError;
export const GuestPromise = Promise;
export const resolved = Promise.resolve();
export const whenDone: (promise: Promise<void>, run: () => void) => unknown = uncurry(Promise.prototype.then);
export const isView = ArrayBuffer.isView;

/** A dictionary without prototype: any key is just a key. */
export function dictionary<Value>(): { [key: string]: Value | undefined } {
  return { __proto__: null } as unknown as { [key: string]: Value | undefined };
}
