import { MAX_URL_CHARS, type UrlParts } from './host-functions.ts';
import { web } from './lent.ts';
import { define, GuestTypeError, parseJson, tag, toText, toWellFormed } from './primordials.ts';
import { changeQuery, followQuery, URLSearchParams } from './url-search-params.ts';

/** Places in `UrlParts`. */
const HREF = 0;
const ORIGIN = 1;
const PROTOCOL = 2;
const USERNAME = 3;
const PASSWORD = 4;
const HOST = 5;
const HOSTNAME = 6;
const PORT = 7;
const PATHNAME = 8;
const SEARCH = 9;
const HASH = 10;

let hrefOf: (value: unknown) => string | undefined;

/** The platform's URL. Node parses; the text of the parts is all that comes back. */
export class URL {
  #parts: UrlParts;
  readonly #query: URLSearchParams;

  static {
    hrefOf = (value) =>
      typeof value === 'object' && value !== null && #parts in value ? value.#parts[HREF] : undefined;
  }

  /** @throws a TypeError with code `ERR_INVALID_URL`, also for one of more than 65,536 characters */
  constructor(url: unknown, base?: unknown) {
    const parts = parse(url, base);
    if (parts === null) throw invalidUrl(toText(url));
    this.#parts = parts;
    this.#query = new URLSearchParams(this.#part(SEARCH));
    followQuery(this.#query, (text) => this.#change('search', text));
  }

  static canParse(url: unknown, base?: unknown): boolean {
    return parse(url, base) !== null;
  }

  static parse(url: unknown, base?: unknown): URL | null {
    const parts = parse(url, base);
    return parts === null ? null : new URL(parts[HREF]);
  }

  get href(): string {
    return this.#part(HREF);
  }
  set href(value: unknown) {
    const parts = parse(value, undefined);
    if (parts === null) throw invalidUrl(toText(value));
    this.#parts = parts;
    changeQuery(this.#query, this.#part(SEARCH));
  }

  get origin(): string {
    return this.#part(ORIGIN);
  }

  get protocol(): string {
    return this.#part(PROTOCOL);
  }
  set protocol(value: unknown) {
    this.#change('protocol', value);
  }

  get username(): string {
    return this.#part(USERNAME);
  }
  set username(value: unknown) {
    this.#change('username', value);
  }

  get password(): string {
    return this.#part(PASSWORD);
  }
  set password(value: unknown) {
    this.#change('password', value);
  }

  get host(): string {
    return this.#part(HOST);
  }
  set host(value: unknown) {
    this.#change('host', value);
  }

  get hostname(): string {
    return this.#part(HOSTNAME);
  }
  set hostname(value: unknown) {
    this.#change('hostname', value);
  }

  get port(): string {
    return this.#part(PORT);
  }
  set port(value: unknown) {
    this.#change('port', value);
  }

  get pathname(): string {
    return this.#part(PATHNAME);
  }
  set pathname(value: unknown) {
    this.#change('pathname', value);
  }

  get search(): string {
    return this.#part(SEARCH);
  }
  set search(value: unknown) {
    this.#change('search', value);
    changeQuery(this.#query, this.#part(SEARCH));
  }

  get searchParams(): URLSearchParams {
    return this.#query;
  }

  get hash(): string {
    return this.#part(HASH);
  }
  set hash(value: unknown) {
    this.#change('hash', value);
  }

  toString(): string {
    return this.#part(HREF);
  }

  toJSON(): string {
    return this.#part(HREF);
  }

  #part(index: number): string {
    return this.#parts[index] as string;
  }

  /** A value that makes no sense changes nothing, as on the platform; neither does one that is too long. */
  #change(part: string, value: unknown): void {
    const text = toWellFormed(toText(value));
    const changed = web().changeUrl(this.#part(HREF), part, text);
    if (changed !== '') this.#parts = parseJson(changed) as UrlParts;
  }
}
tag(URL, 'URL');

/** The `href` of a URL object; `undefined` for anything else. */
export function hrefOfUrl(value: unknown): string | undefined {
  return hrefOf(value);
}

/** The parts of an absolute URL, or `null`. */
export function parseUrl(text: string): { href: string; username: string; password: string } | null {
  const parts = parse(text, undefined);
  if (parts === null) return null;
  return {
    href: parts[HREF] as string,
    username: parts[USERNAME] as string,
    password: parts[PASSWORD] as string,
  };
}

function parse(url: unknown, base: unknown): UrlParts | null {
  const text = toWellFormed(toText(url));
  const against = base === undefined ? '' : toWellFormed(toText(base));
  if (text.length + against.length > MAX_URL_CHARS) return null;
  const parts = web().parseUrl(text, against, base !== undefined);
  return parts === '' ? null : (parseJson(parts) as UrlParts);
}

function invalidUrl(input: string): TypeError {
  const error = new GuestTypeError('Invalid URL');
  define(error, 'code', 'ERR_INVALID_URL', true);
  define(error, 'input', input, true);
  return error;
}
