import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterResponseHeaders } from '../../../../host/components/maggate/response-headers.ts';

const passes = (name: string, value = 'x') => filterResponseHeaders({ [name]: value }).headers.size === 1;

describe('headers of an extension', () => {
  it.each([
    // sessions and storage of the origin it shares with the console
    ...['Set-Cookie', 'set-cookie2', 'Clear-Site-Data', 'Set-Login', 'P3P', 'Origin-Agent-Cluster'],
    // what the browser lets pages of this origin do, and others with it
    ...['Content-Security-Policy', 'content-security-policy-report-only', 'X-Content-Security-Policy'],
    ...['X-WebKit-CSP', 'Permissions-Policy', 'Feature-Policy', 'Document-Policy', 'X-Frame-Options'],
    ...['X-Content-Type-Options', 'X-XSS-Protection', 'Referrer-Policy', 'Integrity-Policy'],
    ...['Cross-Origin-Opener-Policy', 'Cross-Origin-Embedder-Policy', 'Cross-Origin-Resource-Policy'],
    ...['Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials', 'Access-Control-Expose-Headers'],
    ...['Timing-Allow-Origin', 'X-Permitted-Cross-Domain-Policies', 'X-DNS-Prefetch-Control'],
    // the host and its transport
    ...['Strict-Transport-Security', 'Public-Key-Pins', 'Expect-CT', 'Alt-Svc', 'NEL', 'Report-To'],
    ...['Reporting-Endpoints', 'Server', 'Via', 'Date', 'Traceparent', 'X-Robots-Tag', 'X-UA-Compatible'],
    // what makes a browser fetch, run or go somewhere
    ...['Service-Worker-Allowed', 'Refresh', 'SourceMap', 'X-SourceMap', 'Speculation-Rules'],
    ...['Supports-Loading-Mode', 'Use-As-Dictionary', 'Accept-CH', 'Critical-CH', 'Content-Encoding'],
    ...['Attribution-Reporting-Register-Source', 'Observe-Browsing-Topics', 'X-Download-Options'],
    // credentials
    ...['WWW-Authenticate', 'Proxy-Authenticate', 'Authentication-Info', 'Proxy-Authorization'],
    // where a message ends, and the connection it is on
    ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'Transfer-Encoding', 'Content-Length', 'Trailer'],
    ...['TE', 'Upgrade', 'HTTP2-Settings', 'Content-Range'],
    // what proxies before the host obey
    ...[
      'X-Accel-Redirect',
      'X-Accel-Buffering',
      'X-Sendfile',
      'X-LiteSpeed-Location',
      'X-Lighttpd-Send-File',
    ],
    ...['X-Reproxy-URL', 'X-Forwarded-Host', 'X-Real-IP', 'Surrogate-Control', 'CDN-Cache-Control'],
    // names that are none
    ...['', ' etag', 'etag ', 'e tag', 'etag\r\nset-cookie', 'etag\0', 'étag', ':status', '__proto__'],
  ])('%j is not sent', (name) => {
    expect(passes(name)).toBe(false);
    expect(passes(name.toUpperCase())).toBe(false);
  });

  it.each(['ETag', 'Cache-Control', 'Location', 'Content-Disposition', 'Retry-After', 'X-Hello', 'Vary'])(
    '%s is sent',
    (name) => expect(passes(name)).toBe(true),
  );

  it('has no value that could end it and begin another', () => {
    for (const value of ['a\r\nset-cookie: b', 'a\nb', 'a\rb', 'a\0', 'a\x7f', '\u010aset-cookie: b', '中']) {
      expect(passes('x-hello', value)).toBe(false);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        for (const [sent, text] of filterResponseHeaders({ [name]: value }).headers) {
          expect(`${sent}: ${text}`).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+: [\t\x20-\x7e\x80-\xff]*$/);
        }
      }),
    );
  });

  it.each([1, null, {}, ['a=1'], true])('has no value that is the %j', (value) => {
    expect(filterResponseHeaders({ etag: value })).toMatchObject({ refused: ['"etag"'] });
  });
});

describe('links', () => {
  it.each([
    '</x/acme/hello?page=2>; rel="next"',
    '</a>; rel=next, </b>; rel=prev; title="Before, that is"',
    '<https://example.com/docs>;rel="service-doc help" ; type=text/html',
    '</v2>; rel="successor-version"',
    '<>; rel=SELF',
  ])('%s is sent', (value) => expect(passes('Link', value)).toBe(true));

  it.each([
    '</a.js>; rel=preload; as=script',
    '</a.js>; rel="modulepreload"',
    '</a.css>; rel=stylesheet',
    '<https://evil.example>; rel=preconnect',
    '<https://evil.example>; rel="dns-prefetch next"',
    '</a>; rel=next, </sw.js>; rel=serviceworker',
    '</a>; rel=next; rel=preload',
    '</a>; title="x"; rel=prefetch',
    '</a>; title="; rel=next"; rel=preload',
    "</a>; rel*=UTF-8''preload",
    '</a>; REL="PreLoad"',
    '</a>;rel=next,</b>;rel=prerender',
    '</a>; rel=compression-dictionary',
    '</a> rel=next',
    '</a>',
    '</a>; rel',
    '</a>; rel=next;',
    '</a>; rel="next',
    '</a>; rel="ne\\xt"',
    '/a; rel=next',
    ',',
    '',
    ' ',
  ])('%j is not sent', (value) => expect(passes('Link', value)).toBe(false));

  it('are read in a time that grows with their length only', () => {
    const long = `</a>${'; a=b'.repeat(1_600)}!`;
    const spaced = `</a>${' '.repeat(8_000)}!`;
    for (const value of [long, spaced, `${'<a>; rel=next,'.repeat(580)}!`])
      expect(passes('Link', value)).toBe(false);
  });
});
