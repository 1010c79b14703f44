import { CELL_CODES } from '../../../manifests/protocol/cell-codes.ts';
import {
  MAX_ERROR_CHARS,
  MAX_ERROR_CLASS_CHARS,
  MAX_STACK_CHARS,
} from '../../../manifests/protocol/limits.ts';
import { define, GuestError, hasOwn, privateWeakMap, sliceText, toText } from './primordials.ts';

export interface ThrownText {
  readonly code: string;
  readonly message: string;
  readonly stack: string;
  /** `''` when it is none of an object. */
  readonly className: string;
}

/** The codes that the prelude put on errors: what is on an error itself, guest code may have put there. */
const given = privateWeakMap<object, string>();

/**
 * Anything thrown, as text. Reading it may run guest code (getters, `toString`, proxies), which is why it
 * happens here, inside the timed window, and why each read is guarded.
 */
export function describeThrown(thrown: unknown): ThrownText {
  const isObject = (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
  if (!isObject)
    return { code: 'E_EXTENSION', message: cut(textOf(thrown), MAX_ERROR_CHARS), stack: '', className: '' };
  const code = readText(thrown, 'code');
  const message = readText(thrown, 'message') || textOf(thrown);
  return {
    code: isSayable(thrown, code) ? code : 'E_EXTENSION',
    message: cut(message, MAX_ERROR_CHARS),
    stack: cut(readText(thrown, 'stack'), MAX_STACK_CHARS),
    className: cut(classOf(thrown), MAX_ERROR_CLASS_CHARS),
  };
}

/** An error of the host as the guest meets it: a plain Error with a `code`. */
export function hostError(code: string, message: string): Error {
  return giveCode(new GuestError(message), code);
}

/** Puts the code of the host on an error. */
export function giveCode<Made extends Error>(error: Made, code: string): Made {
  define(error, 'code', code, true);
  given.set(error, code);
  return error;
}

/** Codes that cells end calls with are said by the prelude alone, of errors it made itself. */
function isSayable(thrown: object, code: string): boolean {
  if (code === '' || code.length > 64) return false;
  return !hasOwn(CELL_CODES, code) || given.get(thrown) === code;
}

/** Any value as text, whatever its `toString` does. */
export function textOf(value: unknown): string {
  try {
    return toText(value);
  } catch {
    return '[unreadable]';
  }
}

export function cut(text: string, maxChars: number): string {
  return text.length > maxChars ? sliceText(text, 0, maxChars) : text;
}

/** What it was made by: `name` is inherited by classes that do not set it. */
function classOf(thrown: object): string {
  try {
    const maker: unknown = thrown.constructor;
    if (typeof maker === 'function') return readText(maker, 'name') || readText(thrown, 'name');
  } catch {
    // as good as none
  }
  return readText(thrown, 'name');
}

function readText(thrown: object, key: string): string {
  try {
    const value: unknown = (thrown as Record<string, unknown>)[key];
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}
