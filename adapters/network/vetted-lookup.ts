import { Resolver } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { MagError } from '../../kernel/errors.ts';
import { isLoopbackAddress, isPublicAddress } from './address-ranges.ts';
import { forbidden } from './forbidden.ts';

/** The addresses of a host name. @throws anything when there are none */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

const DNS_TIMEOUT_MS = 3_000;
const DNS_TRIES = 2;

/**
 * Asks the name servers directly. `dns.lookup` would hold one of the four threads that all file access of
 * the host runs on for as long as a name server, which may be the extension's own, takes to answer.
 * @param servers addresses; those of the machine when absent
 */
export function createDnsResolve(servers?: readonly string[]): Resolve {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return async (hostname) => {
    if (hostname === 'localhost') return ['127.0.0.1', '::1'];
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const [failed] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    if (addresses.length === 0) throw failed ?? new Error('the name has no address');
    return addresses;
  };
}

/**
 * What a socket asks for the address to connect to. It gets what was vetted and nothing else, so that no
 * second answer of a name server can lead it elsewhere. A socket never asks about a literal address: the
 * gate compares whole origins, so that one was granted by writing it out.
 */
export function createVettedLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    vet(resolve, hostname).then(
      (addresses) => {
        const answers = addresses.map((address) => ({ address, family: isIP(address) }));
        const [first = { address: '', family: 0 }] = answers;
        if (options.all === true) callback(null, answers);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, '', 0),
    );
  };
}

/** @throws `E_NET_FORBIDDEN` when any of the addresses is closed, `E_NET` when there is none */
async function vet(resolve: Resolve, hostname: string): Promise<readonly string[]> {
  const addresses = await resolve(hostname).catch((cause: unknown) => {
    throw new MagError('E_NET', 'The name of the server could not be resolved.', { cause });
  });
  // Whoever was granted `localhost` was granted it by name.
  const isOpen = hostname === 'localhost' ? isLoopbackAddress : isPublicAddress;
  if (addresses.length === 0 || !addresses.every(isOpen)) {
    throw forbidden('The name of the server leads to an address that is closed to extensions.');
  }
  return addresses;
}
