import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';

/** How deep lists and objects of a parameter may be nested. */
const MAX_DEPTH = 64;

/** What `db.query` is called with. */
export interface QueryParams {
  readonly sql: string;
  readonly params: readonly Json[];
  /** The id of the transaction it belongs to. */
  readonly transaction: string | undefined;
}

/** @throws `E_PARAMS` */
export function readQueryParams(value: Json): QueryParams {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong('an object');
  const { sql, params = [], transaction } = value;
  if (typeof sql !== 'string') throw wrong('an object with the text "sql"');
  if (!Array.isArray(params)) throw wrong('an object with the list "params"');
  if (transaction !== undefined && typeof transaction !== 'string')
    throw wrong('an object with the text "transaction"');
  return { sql, params, transaction };
}

/**
 * A parameter in the text form of the server: objects as JSON, lists as Postgres arrays (a list for a `jsonb`
 * parameter is passed as text: `JSON.stringify(list)`). @throws `E_PARAMS` when it is nested too deeply
 */
export function serverValue(value: Json, depth = 0): string | null {
  if (depth > MAX_DEPTH) throw new MagError('E_PARAMS', 'A parameter is nested too deeply.');
  if (value === null) return null;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return typeof value === 'object' ? jsonText(value) : String(value);
  const items = value.map((item) => arrayItem(item, depth + 1));
  return `{${items.join(',')}}`;
}

function arrayItem(item: Json, depth: number): string {
  const text = serverValue(item, depth);
  if (text === null) return 'NULL';
  return Array.isArray(item) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function jsonText(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new MagError('E_PARAMS', 'A parameter is nested too deeply.', { cause });
  }
}

function wrong(expected: string): MagError {
  return new MagError('E_PARAMS', `The parameters of a query are ${expected}.`);
}
