import { MAX_ERROR_CHARS, MAX_STACK_CHARS } from '../../../manifests/protocol/limits.ts';
import { define, GuestError, sliceText, toText } from './primordials.ts';

export interface ThrownText {
  readonly code: string;
  readonly message: string;
  readonly stack: string;
}

/**
 * Anything thrown, as text. Reading it may run guest code (getters, `toString`, proxies), which is why it
 * happens here, inside the timed window, and why each read is guarded.
 */
export function describeThrown(thrown: unknown): ThrownText {
  const isObject = (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
  if (!isObject) return { code: 'E_EXTENSION', message: cut(textOf(thrown), MAX_ERROR_CHARS), stack: '' };
  const code = readText(thrown, 'code');
  const message = readText(thrown, 'message') || textOf(thrown);
  return {
    code: code !== '' && code.length <= 64 ? code : 'E_EXTENSION',
    message: cut(message, MAX_ERROR_CHARS),
    stack: cut(readText(thrown, 'stack'), MAX_STACK_CHARS),
  };
}

/** An error of the host as the guest meets it: a plain Error with a `code`. */
export function hostError(code: string, message: string): Error {
  const error = new GuestError(message);
  define(error, 'code', code, true);
  return error;
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

function readText(thrown: object, key: string): string {
  try {
    const value: unknown = (thrown as Record<string, unknown>)[key];
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}
