import { type Dispatcher, request } from 'undici';
import { MagError } from '../../kernel/errors.ts';
import type { HeaderList } from './request-headers.ts';
import { ACCEPTED_ENCODINGS, MAX_BODY_BYTES, readBody, tooLarge, unpack } from './response-body.ts';

/** One request to one server; a redirect is the next exchange. */
export interface Exchange {
  readonly url: URL;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: Buffer | null;
}

export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderList;
  /** Unpacked. */
  readonly body: Buffer;
}

export interface ExchangeOptions {
  readonly dispatcher: Dispatcher;
  /** Covers all of it, from connecting to the last byte. */
  readonly signal: AbortSignal;
  /** Told of bytes before they are sent and after they were received; ends the exchange by throwing. */
  readonly spend: (bytes: number, direction: 'in' | 'out') => void;
}

const MAX_RESPONSE_HEADERS = 100;
const USER_AGENT = 'MagFlock';
/** Cookies are for user agents; a guest would only carry them from one server to another. */
const KEPT_BACK = ['set-cookie', 'set-cookie2'];

/**
 * Sends a request and reads the answer whole.
 * @throws `E_NET`, `E_NET_FORBIDDEN`, `E_LIMIT_OUTPUT`, `E_LIMIT_EGRESS`
 */
export async function exchange(message: Exchange, options: ExchangeOptions): Promise<Answer> {
  const { url, method, body } = message;
  const headers = withDefaults(message.headers);
  options.spend(requestBytes(message, headers), 'out');
  try {
    const response = await request(url, {
      method,
      dispatcher: options.dispatcher,
      signal: options.signal,
      headers: headers.flat(),
      body,
      responseHeaders: 'raw',
    });
    return await read(response, method, options);
  } catch (thrown) {
    throw asMagError(thrown, options.signal);
  }
}

async function read(
  response: Dispatcher.ResponseData,
  method: string,
  options: ExchangeOptions,
): Promise<Answer> {
  const { statusCode, statusText, body } = response;
  try {
    const all = pairs(response.headers);
    options.spend(byteLength(all), 'in');
    if (all.length > MAX_RESPONSE_HEADERS) throw tooLarge();
    if (method !== 'HEAD' && Number(headerOf(all, 'content-length')) > MAX_BODY_BYTES) throw tooLarge();
    const packed = await readBody(body, (count) => options.spend(count, 'in'));
    return {
      status: statusCode,
      statusText,
      headers: all.filter(([name]) => !KEPT_BACK.includes(name)),
      body: await unpack(packed, headerOf(all, 'content-encoding')),
    };
  } catch (thrown) {
    // The rest of the response must not stay on a connection that is used again.
    body.on('error', () => undefined).destroy();
    throw thrown;
  }
}

function withDefaults(headers: HeaderList): HeaderList {
  const named = new Set(headers.map(([name]) => name));
  const defaults = [
    ['accept', '*/*'],
    ['user-agent', USER_AGENT],
  ] as const;
  return [
    ...headers,
    ...defaults.filter(([name]) => !named.has(name)),
    ['accept-encoding', ACCEPTED_ENCODINGS],
  ];
}

/** With `responseHeaders: 'raw'` undici hands out a flat list, though its type says an object. */
function pairs(raw: unknown): [string, string][] {
  if (!Array.isArray(raw)) throw new MagError('E_INTERNAL', 'the response headers are not a list');
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([String(raw[i]).toLowerCase(), String(raw[i + 1])]);
  return list;
}

function headerOf(headers: HeaderList, wanted: string): string {
  return headers
    .filter(([name]) => name === wanted)
    .map(([, value]) => value)
    .join(',');
}

function requestBytes({ url, method, body }: Exchange, headers: HeaderList): number {
  return method.length + url.href.length + byteLength(headers) + (body?.length ?? 0);
}

/** As HTTP/1.1 writes them: a colon, a space and a line break each. */
function byteLength(headers: HeaderList): number {
  return headers.reduce((total, [name, value]) => total + name.length + value.length + 4, 0);
}

/** What went wrong by kind only: addresses and ports behind a name are the host's knowledge. */
function asMagError(thrown: unknown, signal: AbortSignal): MagError {
  if (thrown instanceof MagError) return thrown;
  if (signal.aborted) {
    if (signal.reason instanceof MagError) return signal.reason;
    return new MagError('E_NET', 'The server did not answer in time.', { cause: thrown });
  }
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new MagError('E_LIMIT_OUTPUT', 'The headers of the response are too large.', { cause: thrown });
  }
  return new MagError('E_NET', messageFor(code), { cause: thrown });
}

function messageFor(code: string): string {
  if (/TIMEOUT|TIMEDOUT/.test(code)) return 'The server did not answer in time.';
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) return 'The server could not be trusted over TLS.';
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES)$/.test(code)) {
    return 'The server could not be reached.';
  }
  if (/^HPE_/.test(code)) return 'The answer of the server is not HTTP.';
  return 'The connection to the server failed.';
}
