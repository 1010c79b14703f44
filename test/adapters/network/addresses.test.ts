import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopbackAddress, isPublicAddress } from '../../../adapters/network/address-ranges.ts';
import { createFetchBench } from './fetch-bench.ts';
import { startHttpServer } from './local-servers.ts';

const CLOSED = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.7',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1', // the deprecated compatible form
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '::ffff:0:127.0.0.1', // translated, RFC 2765
  '64:ff9b::10.0.0.1',
  '64:ff9b::',
  '64:ff9b::1',
  '64:ff9b:1::8.8.8.8',
  '100::1',
  '2001::1', // Teredo
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:10::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::1',
  '2002:808:808::1',
  '3fff::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '4000::1',
  '',
  'localhost',
  '127.1',
  '1.1.1.1.1',
  '[::1]',
];
const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.1',
  '172.15.0.1',
  '172.32.0.1',
  '192.167.1.1',
  '198.17.0.1',
  '198.20.0.1',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
];

describe('addresses', () => {
  it.each(CLOSED)('%j is closed', (address) => expect(isPublicAddress(address)).toBe(false));
  it.each(PUBLIC)('%s is public', (address) => expect(isPublicAddress(address)).toBe(true));

  it('are judged the same however an IPv4 address is carried', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const open = isPublicAddress(address);
        expect(isPublicAddress(`::ffff:${address}`)).toBe(open);
        // 0.0.x.y behind the NAT64 prefix is closed either way.
        expect(isPublicAddress(`64:ff9b::${address}`)).toBe(open);
        expect(isPublicAddress(`::${address}`)).toBe(false);
      }),
    );
  });

  it('of loopback are known', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1'].every(isLoopbackAddress)).toBe(true);
    expect(['10.0.0.1', '0.0.0.0', '::', '::ffff:10.0.0.1', 'localhost', ''].some(isLoopbackAddress)).toBe(
      false,
    );
  });
});

describe('the addresses behind a granted name', () => {
  const granted = ['http://api.example.com', 'https://api.example.com'];

  it.each(CLOSED.filter((address) => /^[0-9a-f:.]+$/.test(address)))(
    'may not be %s, alone or among public ones',
    async (address) => {
      await using alone = createFetchBench(granted, { resolve: async () => [address] });
      expect(await alone.outcome({ url: 'http://api.example.com/' })).toBe('E_NET_FORBIDDEN');
      await using among = createFetchBench(granted, { resolve: async () => ['203.0.114.1', address] });
      expect(await among.outcome({ url: 'https://api.example.com/' })).toBe('E_NET_FORBIDDEN');
    },
  );

  it('are none: the name fails', async () => {
    await using none = createFetchBench(granted, { resolve: async () => [] });
    expect(await none.outcome({ url: 'http://api.example.com/' })).toBe('E_NET_FORBIDDEN');
    const resolve = () => Promise.reject(new Error('queryA ENOTFOUND api.example.com'));
    await using unknown = createFetchBench(granted, { resolve });
    expect(await unknown.outcome({ url: 'http://api.example.com/' })).toBe('E_NET');
  });

  it('are asked for once for each connection, which goes where that answer says', async () => {
    await using server = await startHttpServer((_request, response) =>
      response.writeHead(200, { connection: 'close' }).end('here'),
    );
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const asked: string[] = [];
    const resolve = async (hostname: string) => {
      asked.push(hostname);
      return answers[asked.length - 1] ?? [];
    };
    // Only `localhost` may have an address of this machine, and only when it is granted by name.
    await using bench = createFetchBench([`http://localhost:${server.port}`], { resolve });
    const url = `http://localhost:${server.port}/`;
    expect((await bench.fetch({ url })).text).toBe('here');
    expect(asked).toEqual(['localhost']);
    expect(await bench.outcome({ url })).toBe('E_NET_FORBIDDEN'); // rebound
    expect(asked).toHaveLength(2);
    expect(server.sockets).toHaveLength(1);
  });

  it('of this machine are reached by the name localhost only', async () => {
    await using server = await startHttpServer((_request, response) => response.end('here'));
    const names = ['localhost', 'api.localhost', 'localhost.example', 'localtest.example'];
    const origins = names.map((name) => `http://${name}:${server.port}`);
    await using bench = createFetchBench(origins, { resolve: async () => ['127.0.0.1'] });
    const outcomes = await Promise.all(origins.map((url) => bench.outcome({ url })));
    expect(outcomes).toEqual([200, 'E_NET_FORBIDDEN', 'E_NET_FORBIDDEN', 'E_NET_FORBIDDEN']);
  });

  it('reach the resolver in the form the origin was granted in', async () => {
    const asked: string[] = [];
    const resolve = async (hostname: string) => {
      asked.push(hostname);
      return ['10.0.0.1'];
    };
    await using bench = createFetchBench(['https://xn--bcher-kva.example'], { resolve });
    expect(await bench.outcome({ url: 'https://BÜCHER.example/' })).toBe('E_NET_FORBIDDEN');
    expect(asked).toEqual(['xn--bcher-kva.example']);
  });
});

describe('any address at all', () => {
  it('ends in a code of ours, and nothing is connected to', async () => {
    await using bench = createFetchBench(['https://api.example.com'], { resolve: async () => ['10.0.0.1'] });
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4Extended(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.string(),
    );
    const url = fc.oneof(
      fc.webUrl(),
      fc.string({ minLength: 1 }),
      fc
        .tuple(
          fc.constantFrom('http:', 'https:', 'file:', 'HTTPS:', 'http'),
          fc.constantFrom('//', '/\\', ''),
          host,
        )
        .map((parts) => `${parts.join('')}/`),
      host.map((name) => `https://api.example.com@${name}/`),
    );
    await fc.assert(
      fc.asyncProperty(url, async (text) => {
        const code = await bench.outcome({ url: text });
        expect(['E_PARAMS', 'E_NET_FORBIDDEN', 'E_CAP_SCOPE']).toContain(code);
      }),
      { numRuns: 1_000 },
    );
  });
});
