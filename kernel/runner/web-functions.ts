import { createHash } from 'node:crypto';
import type { HostFunctions } from './guest/host-functions.ts';
import { MAX_LENT_CHARS, MAX_URL_CHARS, URL_PARTS } from './guest/host-functions.ts';

type WebFunctions = Pick<HostFunctions, 'clock' | 'parseUrl' | 'changeUrl' | 'transcode' | 'digest'>;

const ALGORITHMS: readonly string[] = ['sha1', 'sha256', 'sha384', 'sha512'];
const ENCODINGS: readonly string[] = ['utf8', 'latin1', 'base64'];
const PARTS: readonly string[] = URL_PARTS;

/**
 * What the prelude has Node do: pure functions of short text, so nothing of Node is ever in reach of the
 * guest, and each takes a few milliseconds at most. The caps are the prelude's; here they hold once more.
 */
export function createWebFunctions(): WebFunctions {
  const startedAt = performance.now();
  return {
    clock: () => Math.trunc(performance.now() - startedAt),
    parseUrl(text, base, hasBase) {
      if (text.length + base.length > MAX_URL_CHARS) return '';
      return partsText(URL.parse(text, hasBase ? base : undefined));
    },
    changeUrl(href, part, value) {
      if (href.length + value.length > MAX_URL_CHARS || !PARTS.includes(part)) return '';
      const url = URL.parse(href);
      // `href` is the one part that can be refused; the prelude parses it instead.
      if (url !== null && part !== 'href' && part !== 'origin') Reflect.set(url, part, value);
      return partsText(url);
    },
    transcode(text, from, to) {
      if (text.length > MAX_LENT_CHARS || !ENCODINGS.includes(from) || !ENCODINGS.includes(to)) return '';
      return Buffer.from(text, from).toString(to);
    },
    digest(algorithm, binary) {
      if (binary.length > MAX_LENT_CHARS || !ALGORITHMS.includes(algorithm)) return '';
      return createHash(algorithm).update(binary, 'latin1').digest('hex');
    },
  };
}

function partsText(url: URL | null): string {
  return url === null ? '' : JSON.stringify(URL_PARTS.map((part) => url[part]));
}
