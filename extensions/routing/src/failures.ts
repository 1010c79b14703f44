import { ExtensionError } from '#sdk';

/** What callers are told of what the host says about a store, in codes that cross to them. */
const CODES: Readonly<Record<string, string>> = {
  E_STORE_UNKNOWN: 'STORE_UNKNOWN',
  E_STORE_UNAVAILABLE: 'STORE_UNAVAILABLE',
  E_STORAGE: 'STORE_UNAVAILABLE',
  E_STATE_QUOTA: 'QUOTA',
  E_LIMIT_OUTPUT: 'TOO_LARGE',
  E_PARAMS: 'BAD_REQUEST',
};

export function codeOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : '';
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** An error of a store as one that the caller of an export gets with its code. */
export function told(thrown: unknown, store: string): unknown {
  const code = CODES[codeOf(thrown)];
  return code === undefined ? thrown : new ExtensionError(code, `store ${store}: ${messageOf(thrown)}`);
}
