import { type Field, readForm, writeForm } from './form-encoding.ts';
import { pairsOf } from './pairs.ts';
import {
  append,
  charCodeAt,
  define,
  GuestTypeError,
  iteratorSymbol,
  reflectApply,
  sliceText,
  sortArray,
  tag,
  toText,
  toWellFormed,
} from './primordials.ts';

const QUESTION_MARK = 0x3f;

/** As they were given: leaving one out is an error, not `undefined`. */
type Given = [name?: unknown, value?: unknown];

let fieldsOf: (value: unknown) => Field[] | undefined;

/** Keeps a URL in step with its query. */
export let followQuery: (params: URLSearchParams, changed: (text: string) => void) => void;
/** The query of a URL was set: the fields follow, the URL is not told. */
export let changeQuery: (params: URLSearchParams, search: string) => void;

/** The platform's URLSearchParams. */
export class URLSearchParams {
  #fields: Field[] = [];
  #changed: ((text: string) => void) | null = null;

  static {
    fieldsOf = (value) =>
      typeof value === 'object' && value !== null && #fields in value ? value.#fields : undefined;
    followQuery = (params, changed) => {
      params.#changed = changed;
    };
    changeQuery = (params, search) => {
      params.#fields = readForm(withoutMark(search));
    };
  }

  constructor(init: unknown = '') {
    const others = fieldsOf(init);
    if (others !== undefined) {
      for (let i = 0; i < others.length; i++) append(this.#fields, others[i] as Field);
    } else if ((typeof init === 'object' && init !== null) || typeof init === 'function') {
      const pairs = pairsOf(init, text);
      for (let i = 0; i < pairs.length; i++) append(this.#fields, pairs[i] as Field);
    } else {
      this.#fields = readForm(withoutMark(text(init)));
    }
  }

  get size(): number {
    return this.#fields.length;
  }

  append(...given: Given): void {
    append(this.#fields, fieldOf(given));
    this.#update();
  }

  delete(...given: Given): void {
    const matches = matcher(given, true);
    this.#keep((field) => !matches(field));
    this.#update();
  }

  get(...given: Given): string | null {
    return this.#find(matcher(given, false))?.value ?? null;
  }

  getAll(...given: Given): string[] {
    const matches = matcher(given, false);
    const values: string[] = [];
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i] as Field;
      if (matches(field)) append(values, field.value);
    }
    return values;
  }

  has(...given: Given): boolean {
    return this.#find(matcher(given, true)) !== undefined;
  }

  set(...given: Given): void {
    const field = fieldOf(given);
    const matches = matcher([field.name], false);
    const fields: Field[] = [];
    let placed = false;
    for (let i = 0; i < this.#fields.length; i++) {
      const old = this.#fields[i] as Field;
      if (!matches(old)) append(fields, old);
      else if (!placed) append(fields, field);
      placed ||= matches(old);
    }
    if (!placed) append(fields, field);
    this.#fields = fields;
    this.#update();
  }

  sort(): void {
    sortArray(this.#fields, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    this.#update();
  }

  forEach(visit: (value: string, name: string, params: this) => void, self?: unknown): void {
    if (typeof visit !== 'function') throw new GuestTypeError('the callback is no function');
    for (let i = 0; i < this.#fields.length; i++) {
      const { name, value } = this.#fields[i] as Field;
      reflectApply(visit, self, [value, name, this]);
    }
  }

  *entries(): Generator<[string, string], undefined> {
    for (let i = 0; i < this.#fields.length; i++) {
      const { name, value } = this.#fields[i] as Field;
      yield [name, value];
    }
  }

  *keys(): Generator<string, undefined> {
    for (let i = 0; i < this.#fields.length; i++) yield (this.#fields[i] as Field).name;
  }

  *values(): Generator<string, undefined> {
    for (let i = 0; i < this.#fields.length; i++) yield (this.#fields[i] as Field).value;
  }

  declare [Symbol.iterator]: () => Generator<[string, string], undefined>;

  toString(): string {
    return writeForm(this.#fields);
  }

  #find(matches: (field: Field) => boolean): Field | undefined {
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i] as Field;
      if (matches(field)) return field;
    }
    return undefined;
  }

  #keep(isKept: (field: Field) => boolean): void {
    const kept: Field[] = [];
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i] as Field;
      if (isKept(field)) append(kept, field);
    }
    this.#fields = kept;
  }

  #update(): void {
    this.#changed?.(writeForm(this.#fields));
  }
}
tag(URLSearchParams, 'URLSearchParams');
define(URLSearchParams.prototype, iteratorSymbol, URLSearchParams.prototype.entries);

/** The text of a URLSearchParams object; `undefined` for anything else. */
export function formOf(value: unknown): string | undefined {
  const fields = fieldsOf(value);
  return fields === undefined ? undefined : writeForm(fields);
}

function fieldOf(given: Given): Field {
  if (given.length < 2) throw new GuestTypeError('The "name" and "value" arguments must be specified');
  return { name: text(given[0]), value: text(given[1]) };
}

function matcher(given: Given, byValue: boolean): (field: Field) => boolean {
  if (given.length < 1) throw new GuestTypeError('The "name" argument must be specified');
  const name = text(given[0]);
  const wanted = byValue && given.length > 1 ? given[1] : undefined;
  const value = wanted === undefined ? undefined : text(wanted);
  return (field) => field.name === name && (value === undefined || field.value === value);
}

function withoutMark(search: string): string {
  return charCodeAt(search, 0) === QUESTION_MARK ? sliceText(search, 1) : search;
}

function text(value: unknown): string {
  return toWellFormed(toText(value));
}
