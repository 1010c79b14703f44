import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { forbidden } from './forbidden.ts';
import { checkHeaders, type HeaderList } from './request-headers.ts';

/** A request as the extension asked for it: checked, and yet to be put to the gate. */
export interface FetchRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: Buffer | null;
  readonly redirect: 'follow' | 'error' | 'manual';
  readonly timeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Would open a tunnel, or have the server play back what it was sent. */
const CLOSED_METHODS = ['CONNECT', 'TRACE', 'TRACK'];
const METHOD = /^[A-Z]+(-[A-Z]+)*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads parameters that match the call table.
 * @throws `E_PARAMS`, `E_NET_FORBIDDEN`
 */
export function readFetchRequest(params: Json): FetchRequest {
  const given = params as HostCalls['http.fetch']['params']; // the call table's schema was applied
  const method = (given.method ?? 'GET').toUpperCase();
  if (!METHOD.test(method)) throw new MagError('E_PARAMS', 'The method is not an HTTP method.');
  if (CLOSED_METHODS.includes(method)) throw forbidden(`The method ${method} is not available.`);
  const body = readBody(given.body);
  if (body !== null && (method === 'GET' || method === 'HEAD')) {
    throw new MagError('E_PARAMS', `A ${method} request has no body.`);
  }
  return {
    url: readUrl(given.url),
    method,
    headers: checkHeaders(given.headers ?? []),
    body,
    redirect: given.redirect ?? 'follow',
    timeoutMs: given.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/**
 * Where a request goes: parsed once, by the parser that also makes the address of the socket, so that what
 * the gate sees and what is connected to cannot differ.
 * @throws `E_PARAMS` for what is no URL, `E_NET_FORBIDDEN` for other schemes and for credentials
 */
export function readUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw new MagError('E_PARAMS', 'The address is not a URL.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw forbidden('Only http and https addresses can be asked.');
  }
  if (url.username !== '' || url.password !== '') {
    throw forbidden('An address carries no credentials; use a header.');
  }
  return url;
}

function readBody(text: string | undefined): Buffer | null {
  if (text === undefined) return null;
  if (text.length % 4 !== 0 || !BASE64.test(text)) throw new MagError('E_PARAMS', 'The body is not base64.');
  return Buffer.from(text, 'base64');
}
