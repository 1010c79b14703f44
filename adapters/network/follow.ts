import type { Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import { type Answer, type Exchange, type ExchangeOptions, exchange } from './exchange.ts';
import { type FetchRequest, readUrl } from './fetch-request.ts';
import { headersAfterRedirect } from './request-headers.ts';

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

export interface FollowOptions extends ExchangeOptions {
  /** Puts the next hop to the gate. @throws `E_CAP_*` */
  readonly admit: (demands: readonly Demand[]) => Promise<void>;
}

export interface Outcome extends Answer {
  readonly url: URL;
  readonly redirected: boolean;
}

/** What asking this address demands. The origin is the parser's, never the text of the extension. */
export function demandFor({ url, method }: Pick<Exchange, 'url' | 'method'>): Demand {
  return { capability: 'network.outbound', resource: { origins: url.origin, methods: method } };
}

/**
 * Sends a request that the gate has allowed, and goes where redirects lead as far as the gate allows that too.
 * @throws what `exchange` throws, `E_CAP_*`, `E_NET_FORBIDDEN`
 */
export async function follow(start: FetchRequest, options: FollowOptions): Promise<Outcome> {
  let current: Exchange = start;
  for (let hops = 0; ; hops += 1) {
    const answer = await exchange(current, options);
    const location = locationOf(answer);
    if (location === null || start.redirect === 'manual') {
      return { ...answer, url: current.url, redirected: hops > 0 };
    }
    if (start.redirect === 'error') throw new MagError('E_NET', 'The server answered with a redirect.');
    if (hops === MAX_REDIRECTS) throw new MagError('E_NET', 'The server redirects too often.');
    current = nextHop(current, answer.status, location);
    await options.admit([demandFor(current)]);
  }
}

function locationOf({ status, headers }: Answer): string | null {
  if (!REDIRECTS.includes(status)) return null;
  return headers.find(([name]) => name === 'location')?.[1] ?? null;
}

/** The rules of the fetch standard: 303, and 301 and 302 after a POST, ask again with GET and without a body. */
function nextHop({ url, method, headers, body }: Exchange, status: number, location: string): Exchange {
  const next = readLocation(location, url);
  const becomesGet =
    (status === 303 && method !== 'HEAD' && method !== 'GET') ||
    ((status === 301 || status === 302) && method === 'POST');
  return {
    url: next,
    method: becomesGet ? 'GET' : method,
    body: becomesGet ? null : body,
    headers: headersAfterRedirect(headers, {
      crossOrigin: next.origin !== url.origin,
      bodyGone: becomesGet,
    }),
  };
}

function readLocation(location: string, base: URL): URL {
  try {
    return readUrl(location, base);
  } catch (thrown) {
    if (thrown instanceof MagError && thrown.code === 'E_PARAMS') {
      throw new MagError('E_NET', 'The server redirects to what is no URL.', { cause: thrown });
    }
    throw thrown;
  }
}
