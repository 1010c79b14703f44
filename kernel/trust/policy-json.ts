import { MagError } from '../errors.ts';

/** The members of an object; with `allowed`, only those. */
export function members(json: unknown, at: string, allowed?: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(at, 'must be an object');
  const unknown = Object.keys(json).find((key) => allowed && !allowed.includes(key));
  if (unknown !== undefined) throw wrong(at, `has the unknown member ${JSON.stringify(unknown)}`);
  return Object.assign(Object.create(null), json);
}

export function list(json: unknown, at: string): unknown[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) throw wrong(at, 'must be a list');
  return json;
}

export function string(json: unknown, at: string): string {
  if (typeof json !== 'string' || json === '') throw wrong(at, 'must be a text');
  return json;
}

export function date(json: unknown, at: string): Date | null {
  if (json === undefined) return null;
  const value = new Date(string(json, at));
  if (Number.isNaN(value.getTime())) throw wrong(at, 'must be a time such as 2027-12-31T00:00:00Z');
  return value;
}

export function fileName(json: unknown, at: string): string {
  const name = string(json, at);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name))
    throw wrong(at, 'must be the name of a file beside the policy');
  return name;
}

/** What is wrong with the file, and where. */
export function wrong(at: string, problem: string, cause?: unknown): MagError {
  return new MagError('E_CONFIG', `trust-policy.json: ${at} ${problem}.`, { cause });
}
