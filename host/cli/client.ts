import { MagError, messageOf } from '../../kernel/errors.ts';
import { type Code, isCode } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import { parseEvents, type ServerSentEvent } from './sse.ts';

/** Milliseconds until an answer is given up. Longer than any `?wait=` the CLI asks for. */
const ANSWER_DEADLINE_MS = 90_000;

export type Query = Readonly<Record<string, string | number | undefined>>;

/** The control API of one host. Every method throws the `MagError` the host answered, or `E_UNREACHABLE`. */
export interface Client {
  readonly url: string;
  get(path: string, query?: Query): Promise<Json>;
  send(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: Json | FormData): Promise<Json>;
  /** Resolves when the stream is open; it yields until the host ends it or the signal aborts. */
  events(path: string, query: Query, signal: AbortSignal): Promise<AsyncGenerator<ServerSentEvent>>;
}

export function createClient(url: string, token: string | null): Client {
  const call = (method: string, path: string, query: Query, init: RequestInit) =>
    request(url, token, method, target(url, path, query), init);
  return {
    url,
    get: async (path, query = {}) => readJson(url, await call('GET', path, query, withBody(undefined))),
    send: async (method, path, body) => readJson(url, await call(method, path, {}, withBody(body))),
    events: async (path, query, signal) => {
      const headers = { accept: 'text/event-stream' };
      const { body } = await call('GET', path, query, { headers, signal });
      return follow(url, body ?? ReadableStream.from([]), signal);
    },
  };
}

/** A path with every segment encoded: ids come from the command line. */
export function pathOf(...segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

function target(url: string, path: string, query: Query): URL {
  const full = new URL(url.replace(/\/+$/, '') + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) full.searchParams.set(name, String(value));
  }
  return full;
}

function withBody(body: Json | FormData | undefined): RequestInit {
  const signal = AbortSignal.timeout(ANSWER_DEADLINE_MS);
  if (body === undefined) return { signal };
  if (body instanceof FormData) return { signal, body };
  return { signal, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

async function request(url: string, token: string | null, method: string, at: URL, init: RequestInit) {
  const headers = new Headers(init.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  if (!headers.has('accept')) headers.set('accept', 'application/json');
  let response: Response;
  try {
    // Never to another address than the one the token was meant for.
    response = await fetch(at, { ...init, method, headers, redirect: 'error' });
  } catch (error) {
    throw unreachable(url, error);
  }
  if (!response.ok) throw await problem(url, response);
  return response;
}

async function* follow(url: string, body: ReadableStream<Uint8Array>, signal: AbortSignal) {
  try {
    yield* parseEvents(body);
  } catch (error) {
    if (!signal.aborted) throw unreachable(url, error);
  }
}

async function readJson(url: string, response: Response): Promise<Json> {
  const text = await response.text().catch((error: unknown) => Promise.reject(unreachable(url, error)));
  if (text === '') return null;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw notMagFlock(url, error);
  }
}

/** RFC 9457: `code` decides, `detail` is for people. */
async function problem(url: string, response: Response): Promise<MagError> {
  const text = await response.text().catch(() => '');
  const body = parsed(text);
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return notMagFlock(url, text);
  const detail = typeof body.detail === 'string' ? body.detail : `answered ${response.status}`;
  if (isCode(body.code)) return new MagError(body.code, detail);
  if (typeof body.code === 'string' && body.veto !== undefined)
    return new MagError('E_VETO', `${body.code}: ${detail}`); // the words of an extension
  return new MagError(codeOfStatus(response.status), detail);
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** For a host that knows codes this program does not. */
function codeOfStatus(status: number): Code {
  if (status === 401) return 'E_AUTH_REQUIRED';
  if (status === 403) return 'E_FORBIDDEN';
  if (status === 404) return 'E_NOT_FOUND';
  return status < 500 ? 'E_BAD_REQUEST' : 'E_INTERNAL';
}

function unreachable(url: string, cause: unknown): MagError {
  const why = reason(cause);
  const hint = 'Start one with "mag start", or name another with --url or MAG_URL.';
  return new MagError('E_UNREACHABLE', `no host answers at ${url} (${why}). ${hint}`, { cause });
}

/** Whether nobody listens at the address at all: a host that is only slow must not be mistaken for none. */
export function isRefused(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'ECONNREFUSED') return true;
  }
  return false;
}

function reason(cause: unknown): string {
  if (cause instanceof Error && cause.name === 'TimeoutError') return 'timed out';
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  if (inner instanceof AggregateError && inner.errors.length > 0) return messageOf(inner.errors[0]);
  return messageOf(inner);
}

function notMagFlock(url: string, cause: unknown): MagError {
  return new MagError('E_UNREACHABLE', `what answers at ${url} is not a MagFlock host`, { cause });
}
