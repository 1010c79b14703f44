import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import { isStorable } from '../../manifests/storable-text.ts';

const MAX_KEY_CHARS = 512;
const MAX_VALUE_BYTES = 256 * 1_024;

/** What one extension may hold: of `ctx.state` over all tenants, in a store for each tenant. */
export interface StateQuota {
  readonly maxKeys: number;
  /** Keys and values together, as UTF-8. */
  readonly maxBytes: number;
}

export const STATE_QUOTA: StateQuota = { maxKeys: 100_000, maxBytes: 64 * 1_024 * 1_024 };

/** Entries of one page, at most. */
export const MAX_STATE_PAGE = 1_000;

/** What a write of a key came to; `current` is the version that stands. */
export interface Written {
  readonly outcome: 'written' | 'stale' | 'quota';
  readonly current: number;
}

/** @throws `E_PARAMS` */
export function checkedKey(key: string): string {
  if (key.length > 0) return checkedBound(key);
  throw new MagError('E_PARAMS', 'A key must not be empty.');
}

/** A part of a key, or none. @throws `E_PARAMS` */
export function checkedBound(key: string): string {
  if (key.length <= MAX_KEY_CHARS && isStorable(key)) return key;
  throw new MagError(
    'E_PARAMS',
    `A key has at most ${MAX_KEY_CHARS} characters, no NUL and no broken surrogate.`,
  );
}

/** A value as it is stored, and what it and its key take of the quota. @throws `E_PARAMS`, `E_STATE_QUOTA` */
export function encodeState(key: string, value: Json): { text: string; size: number } {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new MagError('E_PARAMS', 'The value is not JSON.');
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) throw overQuota('has a value of more than 256 KiB');
  return { text, size: Buffer.byteLength(key) + bytes };
}

/** @throws `E_STATE_QUOTA` when it was not written for that */
export function checkedWrite(written: Written | undefined): Written {
  if (written === undefined || written.outcome === 'quota') throw overQuota('holds as much as it may');
  return written;
}

/** @throws `E_LIMIT_OUTPUT` when some entry did not fit */
export function checkedPage<Row extends { fits: boolean }>(rows: readonly Row[]): readonly Row[] {
  if (rows.every(({ fits }) => fits)) return rows;
  throw new MagError('E_LIMIT_OUTPUT', 'The entries are larger than one answer may be: ask for fewer.');
}

function overQuota(reason: string): MagError {
  return new MagError('E_STATE_QUOTA', `The durable state of the extension ${reason}.`);
}
