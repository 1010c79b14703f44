import type { Field } from './form-encoding.ts';
import { pairsOf } from './pairs.ts';
import {
  append,
  define,
  execute,
  GuestTypeError,
  iteratorSymbol,
  reflectApply,
  sliceText,
  sortArray,
  tag,
  toLowerCase,
  toText,
} from './primordials.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[\0\r\n]|[^\0-\xff]/;

export type HeadersInit = unknown;

let fieldsOf: (value: unknown) => Field[] | undefined;
let lock: (headers: Headers) => void;
let add: (headers: Headers, field: Field) => void;

/** The platform's Headers: names in lower case, values of one name joined. */
export class Headers {
  #fields: Field[] = [];
  /** Of a response that came over the network. */
  #isImmutable = false;

  static {
    fieldsOf = (value) =>
      typeof value === 'object' && value !== null && #fields in value ? value.#fields : undefined;
    lock = (headers) => {
      headers.#isImmutable = true;
    };
    add = (headers, field) => append(headers.#fields, field);
  }

  constructor(init?: HeadersInit) {
    if (init === undefined) return;
    if ((typeof init !== 'object' && typeof init !== 'function') || init === null)
      throw new GuestTypeError('Headers are made of Headers, pairs or a record');
    const pairs = fieldsOf(init) ?? pairsOf(init, toText);
    for (let i = 0; i < pairs.length; i++) {
      const { name, value } = pairs[i] as Field;
      append(this.#fields, { name: checkedName(name), value: checkedValue(value) });
    }
  }

  append(name: unknown, value: unknown): void {
    const field = { name: checkedName(name), value: checkedValue(value) };
    this.#mustBeMutable();
    append(this.#fields, field);
  }

  delete(name: unknown): void {
    const wanted = checkedName(name);
    this.#mustBeMutable();
    this.#drop(wanted);
  }

  get(name: unknown): string | null {
    return joined(this.#fields, checkedName(name));
  }

  getSetCookie(): string[] {
    const cookies: string[] = [];
    for (let i = 0; i < this.#fields.length; i++) {
      const { name, value } = this.#fields[i] as Field;
      if (name === 'set-cookie') append(cookies, value);
    }
    return cookies;
  }

  has(name: unknown): boolean {
    return joined(this.#fields, checkedName(name)) !== null;
  }

  set(name: unknown, value: unknown): void {
    const field = { name: checkedName(name), value: checkedValue(value) };
    this.#mustBeMutable();
    this.#drop(field.name);
    append(this.#fields, field);
  }

  forEach(visit: (value: string, name: string, headers: this) => void, self?: unknown): void {
    if (typeof visit !== 'function') throw new GuestTypeError('the callback is no function');
    const fields = combined(this.#fields);
    for (let i = 0; i < fields.length; i++) {
      const { name, value } = fields[i] as Field;
      reflectApply(visit, self, [value, name, this]);
    }
  }

  *entries(): Generator<[string, string], undefined> {
    const fields = combined(this.#fields);
    for (let i = 0; i < fields.length; i++) {
      const { name, value } = fields[i] as Field;
      yield [name, value];
    }
  }

  *keys(): Generator<string, undefined> {
    const fields = combined(this.#fields);
    for (let i = 0; i < fields.length; i++) yield (fields[i] as Field).name;
  }

  *values(): Generator<string, undefined> {
    const fields = combined(this.#fields);
    for (let i = 0; i < fields.length; i++) yield (fields[i] as Field).value;
  }

  declare [Symbol.iterator]: () => Generator<[string, string], undefined>;

  #drop(wanted: string): void {
    const kept: Field[] = [];
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i] as Field;
      if (field.name !== wanted) append(kept, field);
    }
    this.#fields = kept;
  }

  #mustBeMutable(): void {
    if (this.#isImmutable) throw new GuestTypeError('immutable');
  }
}
tag(Headers, 'Headers');
define(Headers.prototype, iteratorSymbol, Headers.prototype.entries);

/** The fields as they were added, for the host and for copies. */
export function headerFields(headers: Headers): readonly Field[] {
  return fieldsOf(headers) ?? [];
}

/** What `append` does, past what became of it. @throws TypeError */
export function addHeader(headers: Headers, name: string, value: string): void {
  add(headers, { name: checkedName(name), value: checkedValue(value) });
}

/** Adds a header unless there is one of this name. */
export function addDefaultHeader(headers: Headers, name: string, value: string): void {
  if (joined(headerFields(headers), name) === null) addHeader(headers, name, value);
}

/** Nothing is changed in these headers any more. */
export function makeImmutable(headers: Headers): Headers {
  lock(headers);
  return headers;
}

function joined(fields: readonly Field[], wanted: string): string | null {
  let text: string | null = null;
  for (let i = 0; i < fields.length; i++) {
    const { name, value } = fields[i] as Field;
    if (name === wanted) text = text === null ? value : `${text}, ${value}`;
  }
  return text;
}

/** Sorted by name, one entry a name; cookies stay apart. */
function combined(fields: readonly Field[]): Field[] {
  const sorted: Field[] = [];
  for (let i = 0; i < fields.length; i++) append(sorted, fields[i] as Field);
  sortArray(sorted, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const result: Field[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const field = sorted[i] as Field;
    const isRepeated = i > 0 && sorted[i - 1]?.name === field.name;
    if (field.name === 'set-cookie') append(result, field);
    else if (!isRepeated) append(result, { name: field.name, value: joined(fields, field.name) ?? '' });
  }
  return result;
}

function checkedName(name: unknown): string {
  const text = toText(name);
  if (execute(TOKEN, text) === null) throw new GuestTypeError(`${text} is an invalid header name.`);
  return toLowerCase(text);
}

function checkedValue(value: unknown): string {
  const text = trimmed(toText(value));
  if (execute(BAD_VALUE, text) !== null) throw new GuestTypeError(`${text} is an invalid header value.`);
  return text;
}

/** Without the white space of HTTP at its ends. */
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text[from])) from++;
  while (to > from && isSpace(text[to - 1])) to--;
  return sliceText(text, from, to);
}

function isSpace(unit: string | undefined): boolean {
  return unit === ' ' || unit === '\t' || unit === '\r' || unit === '\n';
}
