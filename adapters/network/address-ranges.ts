import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Special-purpose IPv4 blocks (IANA registry), and the metadata address that one cloud took from public space. */
const CLOSED_IPV4 = [
  '0.0.0.0/8', // this network; 0.0.0.0 itself reaches the host
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT; holds the metadata address 100.100.100.200
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's host services
  '169.254.0.0/16', // link-local; holds the metadata address 169.254.169.254
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; holds the metadata address 192.0.0.192
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];

/** Parts of the global unicast space 2000::/3 that lead elsewhere. All that lies outside of it is closed. */
const CLOSED_IPV6 = [
  '2001::/23', // protocol assignments: Teredo, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: holds any IPv4 address
  '3fff::/20', // documentation
];

const closed = blockList(CLOSED_IPV4, 'ipv4');
const closedGlobal = blockList(CLOSED_IPV6, 'ipv6');
const global = blockList(['2000::/3'], 'ipv6');
const loopback = blockList(['127.0.0.0/8'], 'ipv4');

/** IPv6 forms that carry an IPv4 address in their last 32 bits: IPv4-mapped and the well-known NAT64 prefix. */
const CARRIER = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** Whether an address lies in the public internet. What is no address at all does not. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address);
  const canonical = canonicalIpv6(address);
  if (canonical === null) return false;
  const carried = carriedIpv4(canonical);
  if (carried !== null) return !closed.check(carried);
  return global.check(canonical, 'ipv6') && !closedGlobal.check(canonical, 'ipv6');
}

export function isLoopbackAddress(address: string): boolean {
  if (isIPv4(address)) return loopback.check(address);
  return canonicalIpv6(address) === '::1';
}

/** Compressed, in hexadecimal, without brackets; `null` for what is no IPv6 address or names an interface. */
function canonicalIpv6(address: string): string | null {
  if (!isIPv6(address)) return null;
  return URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? null;
}

function carriedIpv4(canonical: string): string | null {
  const match = CARRIER.exec(canonical);
  if (match === null) return null;
  const [high = 0, low = 0] = match.slice(1).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function blockList(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}
