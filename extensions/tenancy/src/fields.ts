import type { Json } from '#sdk';
import { Refusal } from './problems.ts';

/** One member of a resource that clients write. */
export interface Field {
  readonly column: string;
  /** How the parameter reaches Postgres. */
  readonly cast: 'text' | 'text[]' | 'jsonb';
  readonly required?: true;
  /** Only when it is made. */
  readonly fixed?: true;
  /** What is wrong with it; `null`: nothing. */
  readonly check: (value: Json) => string | null;
}

const HOST_ROLES = ['owner', 'operator', 'auditor', 'author'];
const ROLE = /^[a-z][a-z0-9:/_-]{0,79}$/;
const MAX_JSON_CHARS = 16_384;

export const PATTERNS = {
  tenant: /^t_[a-z0-9_-]{1,78}$/,
  principal: /^(user|service|token):[A-Za-z0-9-]{1,64}$/,
  id: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
} as const;

export const matching = (pattern: RegExp) => (value: Json) =>
  typeof value === 'string' && pattern.test(value) ? null : `does not match ${pattern.source}`;

/** What Postgres cannot keep: U+0000, and halves of a surrogate pair. JSON of it names them so. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Whether Postgres takes it as a text. */
export function isStorable(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0');
}

export const text = (value: Json) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 200 && isStorable(value)
    ? null
    : 'is no text of 1 to 200 characters';

export const maybe = (check: Field['check']) => (value: Json) => (value === null ? null : check(value));

export const oneOf =
  (...names: string[]) =>
  (value: Json) =>
    names.includes(value as string) ? null : `is none of ${names.join(', ')}`;

export function object(value: Json): string | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'is no object';
  const json = JSON.stringify(value);
  if (json.length > MAX_JSON_CHARS) return `is longer than ${MAX_JSON_CHARS} characters`;
  return UNSTORABLE.test(json) ? 'has characters that cannot be kept' : null;
}

/** Roles of the host are given by its owners, and the host would let nobody in who had one from here. */
export function roles(value: Json): string | null {
  if (!Array.isArray(value) || value.length > 50) return 'is no list of at most 50 roles';
  const bad = value.find((role) => typeof role !== 'string' || !ROLE.test(role) || HOST_ROLES.includes(role));
  return bad === undefined ? null : `has ${JSON.stringify(bad)}, which is no role that can be given here`;
}

/** The members of a body by what they are called. @throws `INVALID` naming the first that is wrong */
export function readFields(
  body: Json,
  fields: Readonly<Record<string, Field>>,
  isNew: boolean,
): Map<string, Json> {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw new Refusal('INVALID', 'A JSON object is needed.');
  for (const name of Object.keys(body)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined)
      throw new Refusal('INVALID', `There is no ${JSON.stringify(name.slice(0, 80))}.`);
    if (field.fixed === true && !isNew) throw new Refusal('INVALID', `${name} cannot be changed.`);
    const wrong = field.check(body[name] ?? null);
    if (wrong !== null) throw new Refusal('INVALID', `${name} ${wrong}.`);
  }
  const missing = Object.keys(fields).find(
    (name) => isNew && fields[name]?.required && body[name] === undefined,
  );
  if (missing !== undefined) throw new Refusal('INVALID', `${missing} is missing.`);
  return new Map(Object.entries(body as Record<string, Json>));
}

/** A parameter as the cast of its field needs it. */
export function parameterOf({ cast }: Field, value: Json): Json {
  return cast === 'jsonb' ? JSON.stringify(value) : value;
}
