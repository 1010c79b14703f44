import { BODY_KEY, Body, type BodyContent, bodyOf } from './body.ts';
import { addDefaultHeader, addHeader, Headers, makeImmutable } from './headers.ts';
import {
  execute,
  GuestRangeError,
  GuestTypeError,
  mathTrunc,
  stringifyJson,
  tag,
  toNumber,
  toText,
} from './primordials.ts';
import { parseUrl } from './url.ts';

export interface ResponseInit {
  readonly status?: unknown;
  readonly statusText?: unknown;
  readonly headers?: unknown;
}

interface Parts {
  readonly type: 'default' | 'basic' | 'error';
  readonly url: string;
  readonly redirected: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
}

const BAD_REASON = /[^\t\x20-\x7e\x80-\xff]/;

/** Shows the constructor that the prelude made the parts: a response that came, or an error. */
const KEY = {};

/** The platform's Response without `clone` and streams. */
export class Response extends Body {
  readonly #parts: Parts;

  constructor(body?: unknown, init: ResponseInit | null = {}, key?: unknown, made?: Parts) {
    if (key === KEY && made !== undefined) {
      super(BODY_KEY, body as BodyContent | null);
      this.#parts = made;
      return;
    }
    const { status, statusText, headers } = init ?? {};
    const code = status === undefined ? 200 : statusOf(status);
    const reason = statusText === undefined ? '' : reasonOf(statusText);
    const given = bodyOf(body);
    const fields = new Headers(headers ?? undefined);
    if (given !== null) {
      if (isNullBody(code)) throw new GuestTypeError(`Invalid response status code ${code}`);
      if (given.type !== null) addDefaultHeader(fields, 'content-type', given.type);
    }
    super(BODY_KEY, given?.content ?? null);
    const common = { url: '', redirected: false, status: code, statusText: reason, headers: fields };
    this.#parts = { type: 'default', ...common };
  }

  static error(): Response {
    const headers = makeImmutable(new Headers());
    return makeResponse(null, {
      type: 'error',
      url: '',
      redirected: false,
      status: 0,
      statusText: '',
      headers,
    });
  }

  static json(data: unknown, init: ResponseInit | null = {}): Response {
    const text = stringifyJson(data);
    if (text === undefined) throw new GuestTypeError('Value is not JSON serializable');
    const { status, statusText, headers } = init ?? {};
    const fields = new Headers(headers ?? undefined);
    addDefaultHeader(fields, 'content-type', 'application/json');
    return new Response(text, { status, statusText, headers: fields });
  }

  static redirect(url: unknown, status: unknown = 302): Response {
    const target = parseUrl(toText(url));
    if (target === null) throw new GuestTypeError(`Failed to parse URL from ${toText(url)}`);
    const code = toInteger(status);
    if (code !== 301 && code !== 302 && code !== 303 && code !== 307 && code !== 308)
      throw new GuestRangeError(`Invalid status code ${code}`);
    const headers = new Headers();
    addHeader(headers, 'location', target.href);
    makeImmutable(headers);
    return makeResponse(null, {
      type: 'default',
      url: '',
      redirected: false,
      status: code,
      statusText: '',
      headers,
    });
  }

  get type(): string {
    return this.#parts.type;
  }

  get url(): string {
    return this.#parts.url;
  }

  get redirected(): boolean {
    return this.#parts.redirected;
  }

  get status(): number {
    return this.#parts.status;
  }

  get ok(): boolean {
    return this.#parts.status >= 200 && this.#parts.status <= 299;
  }

  get statusText(): string {
    return this.#parts.statusText;
  }

  get headers(): Headers {
    return this.#parts.headers;
  }
}
tag(Response, 'Response');

/** A response that the prelude vouches for. */
export function makeResponse(content: BodyContent | null, parts: Parts): Response {
  return new Response(content, null, KEY, parts);
}

/** Statuses whose responses have no body. */
export function isNullBody(status: number): boolean {
  return status === 101 || status === 103 || status === 204 || status === 205 || status === 304;
}

function statusOf(given: unknown): number {
  const status = toInteger(given);
  if (status >= 200 && status <= 599) return status;
  throw new GuestRangeError('init["status"] must be in the range of 200 to 599, inclusive.');
}

function reasonOf(given: unknown): string {
  const text = toText(given);
  if (execute(BAD_REASON, text) === null) return text;
  throw new GuestTypeError('Invalid statusText');
}

/** As WebIDL makes an `unsigned short` of a number. */
function toInteger(given: unknown): number {
  const whole = mathTrunc(toNumber(given));
  return whole > -65_536 && whole < 65_536 ? whole & 0xffff : 0;
}
