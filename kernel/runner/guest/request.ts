import { type AbortSignal, createAbortControl, isAbortSignal } from './abort.ts';
import { BODY_KEY, Body, type BodyContent, bodyOf, hasBody, takeBody } from './body.ts';
import { addDefaultHeader, Headers } from './headers.ts';
import { execute, GuestTypeError, tag, toText, toUpperCase } from './primordials.ts';
import { hrefOfUrl, parseUrl } from './url.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NORMALISED = /^(?:DELETE|GET|HEAD|OPTIONS|POST|PUT)$/;
const FORBIDDEN = /^(?:CONNECT|TRACE|TRACK)$/;

type Redirect = 'follow' | 'error' | 'manual';

export interface RequestInit {
  readonly method?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly redirect?: unknown;
  readonly signal?: unknown;
}

interface Parts {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly redirect: Redirect;
  readonly signal: AbortSignal;
}

let partsOf: (value: unknown) => Parts | undefined;

/** The platform's Request without what a sandbox has no use for: no `clone`, streams, cache or credentials. */
export class Request extends Body {
  readonly #parts: Parts;

  static {
    partsOf = (value) =>
      typeof value === 'object' && value !== null && #parts in value ? value.#parts : undefined;
  }

  constructor(input: unknown, init: RequestInit | null = {}) {
    const { method, headers, body, redirect, signal } = init ?? {};
    const base = partsOf(input);
    const url = base?.url ?? urlOf(input);
    const verb = method === undefined ? (base?.method ?? 'GET') : methodOf(method);
    const given = bodyOf(body);
    const inherited =
      body === undefined || body === null ? base !== undefined && hasBody(input as Body) : false;
    if ((given !== null || inherited) && (verb === 'GET' || verb === 'HEAD'))
      throw new GuestTypeError('Request with GET/HEAD method cannot have body.');
    const fields = new Headers(headers ?? base?.headers);
    if (given !== null && given.type !== null) addDefaultHeader(fields, 'content-type', given.type);
    const follows = redirect === undefined ? (base?.redirect ?? 'follow') : redirectOf(redirect);
    const stops = signalOf(signal === undefined ? base?.signal : signal);
    super(BODY_KEY, inherited ? takeBody(input as Body) : (given?.content ?? null));
    this.#parts = { url, method: verb, headers: fields, redirect: follows, signal: stops };
  }

  get url(): string {
    return this.#parts.url;
  }

  get method(): string {
    return this.#parts.method;
  }

  get headers(): Headers {
    return this.#parts.headers;
  }

  get redirect(): string {
    return this.#parts.redirect;
  }

  get signal(): AbortSignal {
    return this.#parts.signal;
  }
}
tag(Request, 'Request');

/** What is sent for a request; its body is used up with it. */
export function takeRequest(request: Request): Parts & { readonly content: BodyContent | null } {
  const parts = partsOf(request);
  if (parts === undefined) throw new GuestTypeError('no Request');
  const { url, method, headers, redirect, signal } = parts;
  return { url, method, headers, redirect, signal, content: takeBody(request) };
}

function urlOf(input: unknown): string {
  const parts = parseUrl(hrefOfUrl(input) ?? toText(input));
  if (parts === null) throw new GuestTypeError(`Failed to parse URL from ${toText(input)}`);
  if (parts.username !== '' || parts.password !== '')
    throw new GuestTypeError('Request cannot be constructed from a URL that includes credentials');
  return parts.href;
}

function methodOf(given: unknown): string {
  const method = toText(given);
  const upper = toUpperCase(method);
  if (execute(TOKEN, method) === null || execute(FORBIDDEN, upper) !== null)
    throw new GuestTypeError(`'${method}' is not a valid HTTP method.`);
  return execute(NORMALISED, upper) === null ? method : upper;
}

function redirectOf(given: unknown): Redirect {
  const text = toText(given);
  if (text === 'follow' || text === 'error' || text === 'manual') return text;
  throw new GuestTypeError(`"${text}" is no way to redirect`);
}

function signalOf(given: unknown): AbortSignal {
  if (given === undefined || given === null) return createAbortControl().signal;
  if (!isAbortSignal(given)) throw new GuestTypeError('"signal" is no AbortSignal');
  return given;
}
