import { invalid } from './problems.ts';

export type Members = Readonly<Record<string, unknown>>;

const NAME_CHARS = 128;

/** The members of an object; with `allowed` no others. @throws `INVALID` */
export function members(value: unknown, what: string, allowed?: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} is an object`);
  const unknown = allowed && Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown !== undefined)
    throw invalid(`${what} has no ${JSON.stringify(unknown.slice(0, 80))}, only ${allowed?.join(', ')}`);
  return value as Members;
}

/** The entries of a list. @throws `INVALID` */
export function listIn(value: unknown, what: string, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= most) return value;
  throw invalid(`${what} is a list of at most ${most}`);
}

/** A text. @throws `INVALID` */
export function textIn(value: unknown, what: string, most: number, least = 1): string {
  if (typeof value === 'string' && value.length >= least && value.length <= most && value.isWellFormed())
    return value;
  throw invalid(`${what} is a text of ${least} to ${most} characters`);
}

/** The name of an attribute. @throws `INVALID` */
export function nameIn(value: unknown, what: string): string {
  return textIn(value, what, NAME_CHARS);
}
