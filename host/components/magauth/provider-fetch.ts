import type { NetworkAdapter } from '../../../adapters/network/index.ts';
import type { GuestHost } from '../../../kernel/operator.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

/** What a provider may answer in a minute, in KiB: the default of `limits.egressKbPerMinute`. */
const LIMIT_KB = 10_240;

interface FetchOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** A request of the host to the login provider of an extension. @throws `E_CAP_*`, `E_NET`, `E_NET_FORBIDDEN` */
export type ProviderFetch = (extension: ExtensionId, url: string, options: FetchOptions) => Promise<Response>;

/** The way of the extension's own requests: its granted origins, its vetted addresses, its account. */
export function createProviderFetch(
  network: Pick<NetworkAdapter, 'fetchFor'>,
  guests: Pick<GuestHost, 'require'>,
): ProviderFetch {
  return async (extension, url, { method, headers, body, signal }) => {
    const bytes =
      body === undefined || body === null ? null : Buffer.from(await new Response(body as string).bytes());
    const params = {
      url,
      method,
      headers: Object.entries(headers).map(([name, value]) => [name, value]),
      ...(bytes === null ? {} : { body: bytes.toString('base64') }),
    };
    const answer = await network.fetchFor(extension, params, {
      signal: signal ?? new AbortController().signal,
      limitKb: LIMIT_KB,
      admit: (demands) => guests.require(extension, demands),
    });
    const isEmpty = answer.status === 204 || answer.status === 304;
    return new Response(isEmpty ? null : new Uint8Array(answer.body), {
      status: answer.status,
      headers: answer.headers
        .filter(([name]) => name !== 'content-encoding' && name !== 'content-length')
        .map(([name, value]) => [name, value]),
    });
  };
}
