import { MagError } from '../../kernel/errors.ts';
import { isTraceId, traceparentOf } from '../../kernel/trace.ts';
import { forbidden } from './forbidden.ts';

export type HeaderList = readonly (readonly [name: string, value: string])[];

const MAX_HEADER_BYTES = 16_384;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Latin-1 without control characters: a line break would begin another header, or another request. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * What decides where a message goes, where it ends, how it is packed and who asked belongs to the host: of
 * the fetch standard's forbidden names those that matter to a server, and the forwarding headers that a
 * service behind the same proxy would believe.
 */
const HOST_OWNED = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'cookie',
  'cookie2',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-real-ip',
]);
const HOST_OWNED_PREFIXES = ['proxy-', 'sec-', 'x-forwarded-'];

/** Bound to the server that the request was meant for. */
const CREDENTIALS = ['authorization'];
/** About the body, and gone with it. */
const ABOUT_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type'];

/**
 * Headers of an extension, names in lower case.
 * @throws `E_PARAMS` for what no header may hold, `E_NET_FORBIDDEN` for what the host sets itself
 */
export function checkHeaders(headers: HeaderList): HeaderList {
  let bytes = 0;
  return headers.map(([given, value]) => {
    const name = given.toLowerCase();
    if (!NAME.test(name)) throw new MagError('E_PARAMS', 'The name of a header is malformed.');
    if (isHostOwned(name)) throw forbidden(`The header ${name} is set by the host.`);
    if (!VALUE.test(value)) throw new MagError('E_PARAMS', `The header ${name} holds a forbidden character.`);
    bytes += name.length + value.length;
    if (bytes > MAX_HEADER_BYTES)
      throw new MagError('E_PARAMS', `Headers are at most ${MAX_HEADER_BYTES} bytes.`);
    return [name, value.trim()] as const;
  });
}

/** Goes on with the trace of the request that the call belongs to, unless the extension names one itself. */
export function withTrace(headers: HeaderList, traceId: string | undefined): HeaderList {
  if (traceId === undefined || !isTraceId(traceId)) return headers;
  if (headers.some(([name]) => name === 'traceparent')) return headers;
  return [...headers, ['traceparent', traceparentOf(traceId)]];
}

/** What is left of the headers when a redirect leads to another origin, or takes the body away. */
export function headersAfterRedirect(
  headers: HeaderList,
  change: { readonly crossOrigin: boolean; readonly bodyGone: boolean },
): HeaderList {
  return headers.filter(
    ([name]) =>
      !(change.crossOrigin && CREDENTIALS.includes(name)) && !(change.bodyGone && ABOUT_BODY.includes(name)),
  );
}

function isHostOwned(name: string): boolean {
  return HOST_OWNED.has(name) || HOST_OWNED_PREFIXES.some((prefix) => name.startsWith(prefix));
}
