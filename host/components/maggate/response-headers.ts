import { isHarmlessLink } from './link-header.ts';

/**
 * Headers an extension may set (spec 09). A list of what is allowed, not of what is refused: it shares an
 * origin with the console, and cookies, framing, transport and access across origins are the host's to say.
 */
const ALLOWED = new Set([
  'accept-patch',
  'accept-post',
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'content-disposition',
  'content-language',
  'content-location',
  'content-type',
  'deprecation',
  'etag',
  'expires',
  'last-modified',
  'link',
  'location',
  'pragma',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
  'sunset',
  'vary',
]);

/** `x-` headers that browsers or proxies obey. */
const REFUSED_X =
  /^x-(?:accel-|sendfile|lighttpd-|litespeed-|reproxy-|content-security-policy|webkit-csp|sourcemap$|content-type-options$|frame-options$|xss-protection$|ua-compatible$|dns-prefetch-control$|permitted-cross-domain-policies$|forwarded|real-ip$|robots-tag$|download-options$)/;

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 §5.5, without what ends a header. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MAX_NAME_CHARS = 100;
const MAX_VALUE_CHARS = 8_192;
const MAX_HEADERS = 100;

export interface FilteredHeaders {
  /** Names in lower case. */
  readonly headers: Map<string, string>;
  /** What was left out, printable. */
  readonly refused: readonly string[];
}

export function filterResponseHeaders(source: Readonly<Record<string, unknown>>): FilteredHeaders {
  const headers = new Map<string, string>();
  const refused: string[] = [];
  for (const [given, value] of Object.entries(source)) {
    const name = given.toLowerCase();
    if (headers.size < MAX_HEADERS && isAllowed(name) && isValue(name, value)) headers.set(name, value);
    else refused.push(JSON.stringify(given.slice(0, MAX_NAME_CHARS)));
  }
  return { headers, refused };
}

function isAllowed(name: string): boolean {
  if (name.length > MAX_NAME_CHARS || !TOKEN.test(name)) return false;
  return ALLOWED.has(name) || (name.startsWith('x-') && !REFUSED_X.test(name));
}

function isValue(name: string, value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_VALUE_CHARS || !VALUE.test(value)) return false;
  return name !== 'link' || isHarmlessLink(value);
}
