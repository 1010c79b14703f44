import type { Encoding, HostFunctions } from './host-functions.ts';
import { MAX_LENT_CHARS } from './host-functions.ts';
import { hostError } from './wire-error.ts';

type Web = Pick<HostFunctions, 'clock' | 'parseUrl' | 'changeUrl' | 'transcode' | 'digest' | 'random'>;

let lent: Web | null = null;

/** Hands the web-standard classes what they have Node do. Once, before any guest code runs. */
export function lendWeb(host: Web): void {
  lent = host;
}

export function web(): Web {
  if (lent === null) throw hostError('E_EXTENSION', 'the prelude is not installed');
  return lent;
}

/** @throws an Error with code `E_LIMIT_OUTPUT` for text larger than may cross */
export function transcode(text: string, from: Encoding, to: Encoding): string {
  if (text.length > MAX_LENT_CHARS)
    throw hostError('E_LIMIT_OUTPUT', 'the data is larger than the sandbox converts');
  return web().transcode(text, from, to);
}
