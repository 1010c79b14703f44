import { MagError } from '../../../kernel/errors.ts';

const HOST = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * What a browser is held to with every file of a frame. The page has an origin of nobody's (`sandbox` without
 * `allow-same-origin`): it reads no cookie, storage or frame of anybody. It loads from the folder of its own package
 * and nothing else, sends nothing anywhere, and is shown by this host and the consoles an operator named.
 * @param folder path of the package on this host, with a slash at its end
 * @throws `E_BAD_REQUEST` when the Host header could say something else in a policy
 */
export function frameHeaders(
  host: string,
  folder: string,
  consoles: readonly string[],
): Readonly<Record<string, string>> {
  if (!HOST.test(host)) throw new MagError('E_BAD_REQUEST', 'The Host header is malformed.');
  const own = `${host}${folder}`;
  const policy = [
    'sandbox allow-scripts allow-forms',
    "default-src 'none'",
    `script-src ${own} ${host}/ui/frame.js`,
    `style-src ${own} 'unsafe-inline'`,
    `img-src ${own} data:`,
    `font-src ${own}`,
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
    `frame-ancestors ${[host, ...consoles].join(' ')}`,
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    // The page is of no origin: its own scripts and fonts are those of a stranger to it.
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'cache-control': 'public, max-age=31536000, immutable',
  };
}
