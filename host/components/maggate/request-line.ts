import type { IncomingMessage } from 'node:http';
import { MagError } from '../../../kernel/errors.ts';
import { pathOf } from './path.ts';

/** Escaped control characters: NUL ends a text in C and in Postgres, CR and LF a line in a log. */
const ESCAPED_CONTROL = /%(?:[01][0-9a-f]|7f)/i;

/**
 * Refuses requests whose path could mean two things to two readers. Node's parser has refused the rest.
 * @throws `E_BAD_REQUEST`
 */
export function refuseAmbiguous({ url = '', rawHeaders }: IncomingMessage): void {
  // RFC 9112 §3.2.2 has us accept an absolute target; a proxy sends none, and its host is not ours to check.
  if (!url.startsWith('/') && url !== '*') throw malformed('The target of the request is no path.');
  if (url.includes('#')) throw malformed('The target of the request has a fragment.');
  if (url.includes('%') && ESCAPED_CONTROL.test(pathOf(url))) {
    throw malformed('The path has an escaped control character.');
  }
  if (hasTwoHosts(rawHeaders)) throw malformed('The request has two Host headers.'); // RFC 9112 §3.2
}

/** Names and values take turns in the list. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

function malformed(detail: string): MagError {
  return new MagError('E_BAD_REQUEST', detail);
}
