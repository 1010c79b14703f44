import { describe, expect, it } from 'vitest';
import { createNetworkAdapter } from '../../../adapters/network/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { callerOf, describeAdapterContract } from '../adapter-contract.ts';
import { createFetchBench } from './fetch-bench.ts';
import { startHttpServer } from './local-servers.ts';

describeAdapterContract({
  component: 'network',
  event: { type: 'extension.error', data: { extension: 'a/b', version: '1.0.0', code: 'E_NET', detail: '' } },
  create: async () => {
    const adapter = createNetworkAdapter();
    return { adapter, dispose: async () => adapter[Symbol.asyncDispose]() };
  },
});

const echo = () =>
  startHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.setHeader('content-type', 'application/json');
    response.setHeader('set-cookie', 'a=1');
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        raw: request.rawHeaders,
        body: Buffer.concat(chunks).toString(),
      }),
    );
  });

describe('a mediated fetch', () => {
  it('sends a request and brings back the answer', async () => {
    await using server = await echo();
    await using bench = createFetchBench([server.origin]);
    const result = await bench.fetch({
      url: `${server.origin}/a/../b?q=1#fragment`,
      method: 'post',
      headers: [['X-One', '1']],
      body: Buffer.from('hello').toString('base64'),
    });
    expect([result.status, result.redirected, result.url]).toEqual([
      200,
      false,
      `${server.origin}/b?q=1#fragment`,
    ]);
    const seen = JSON.parse(result.text);
    expect(seen).toMatchObject({ method: 'POST', url: '/b?q=1', body: 'hello' });
    expect(seen.headers).toMatchObject({
      'x-one': '1',
      host: `127.0.0.1:${server.port}`,
      'content-length': '5',
    });
    expect(result.headers).toContainEqual(['content-type', 'application/json']);
    expect(result.headers.map(([name]) => name)).not.toContain('set-cookie');
  });

  it('goes on with the trace of its request, unless it is told of another one', async () => {
    await using server = await echo();
    await using adapter = createNetworkAdapter();
    const caller = callerOf('acme/hello', { tenantId: 't_acme' });
    const sent = async (headers?: [string, string][], on = caller) => {
      const params = { url: server.origin, ...(headers === undefined ? {} : { headers }) };
      const { body } = (await adapter.executeHook('fetch', { caller: on, params })) as { body: string };
      return JSON.parse(Buffer.from(body, 'base64').toString()).headers.traceparent;
    };
    expect(await sent()).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
    const own = '00-11111111111111111111111111111111-2222222222222222-01';
    expect(await sent([['TraceParent', own]])).toBe(own);
    expect(await sent(undefined, callerOf('acme/hello'))).toBeUndefined();
  });

  it('keeps to the origins and methods of its scope', async () => {
    await using server = await echo();
    await using bench = createFetchBench([server.origin], { methods: ['GET'] });
    const { origin, port } = server;
    const outcomes = await Promise.all([
      bench.outcome({ url: `${origin}/` }),
      bench.outcome({ url: `${origin}/`, method: 'POST' }),
      bench.outcome({ url: `http://127.0.0.1:${port + 1}/` }),
      bench.outcome({ url: `https://127.0.0.1:${port}/` }),
      bench.outcome({ url: `http://localhost:${port}/` }),
      bench.outcome({ url: `http://[::1]:${port}/` }),
      bench.outcome({ url: `http://127.0.0.1/` }),
      bench.outcome({ url: `http://127.0.0.1.example.com:${port}/` }),
    ]);
    expect(outcomes).toEqual([200, ...Array(7).fill('E_CAP_SCOPE')]);
    expect(server.sockets).toHaveLength(1);
  });

  it.each([
    ['decimal', (port: number) => `http://2130706433:${port}/`],
    ['octal', (port: number) => `http://0177.0.0.1:${port}/`],
    ['hexadecimal', (port: number) => `http://0x7f000001:${port}/`],
    ['short', (port: number) => `http://127.1:${port}/`],
    ['full-width', (port: number) => `http://１２７．０．０．１:${port}/`],
    ['with backslashes', (port: number) => `http:\\\\127.0.0.1:${port}\\`],
    ['with tabs', (port: number) => `ht\ttp://127.0.\n0.1:${port}/`],
  ])('judges an address written in another way by what it means: %s', async (_form, urlOf) => {
    await using server = await echo();
    await using granted = createFetchBench([server.origin]);
    expect(await granted.outcome({ url: urlOf(server.port) })).toBe(200);
    await using elsewhere = createFetchBench(['https://api.example.com']);
    expect(await elsewhere.outcome({ url: urlOf(server.port) })).toBe('E_CAP_SCOPE');
    expect(server.sockets).toHaveLength(1);
  });

  it('is not fooled by what looks like the granted origin', async () => {
    await using bench = createFetchBench(['https://api.example.com'], {
      resolve: async () => Promise.reject(new Error('nothing is looked up')),
    });
    for (const url of [
      'https://api.example.com@127.0.0.1/',
      'https://api.example.com:pw@evil.example/',
      'https://x:y@api.example.com/',
      'file:///etc/passwd',
      'data:text/plain,hello',
      'ftp://api.example.com/',
      'ws://api.example.com/',
      'blob:https://api.example.com/1',
    ]) {
      expect([url, await bench.outcome({ url })]).toEqual([url, 'E_NET_FORBIDDEN']);
    }
    for (const url of [
      'https://api.example.com.evil.example/',
      'https://api.example.com%2eevil.example/',
      'https://evil.example/?https://api.example.com',
      'https://evil.example#@api.example.com',
      'https://evil.example\\@api.example.com',
      'https://аpi.example.com/', // the first letter is Cyrillic
      'https://api.example.com:8443/',
      'https://api.example.com./',
      'http://api.example.com/',
    ]) {
      expect([url, await bench.outcome({ url })]).toEqual([url, 'E_CAP_SCOPE']);
    }
    for (const url of ['', 'no url', 'https://', 'https://a b/', 'https://[::1', '//api.example.com/']) {
      expect([url, await bench.outcome({ url })]).toEqual([url, 'E_PARAMS']);
    }
  });

  it.each([
    ['host', 'E_NET_FORBIDDEN'],
    ['Connection', 'E_NET_FORBIDDEN'],
    ['transfer-encoding', 'E_NET_FORBIDDEN'],
    ['Content-Length', 'E_NET_FORBIDDEN'],
    ['upgrade', 'E_NET_FORBIDDEN'],
    ['expect', 'E_NET_FORBIDDEN'],
    ['te', 'E_NET_FORBIDDEN'],
    ['trailer', 'E_NET_FORBIDDEN'],
    ['cookie', 'E_NET_FORBIDDEN'],
    ['proxy-authorization', 'E_NET_FORBIDDEN'],
    ['X-Forwarded-For', 'E_NET_FORBIDDEN'],
    ['sec-fetch-site', 'E_NET_FORBIDDEN'],
    ['x-http-method-override', 'E_NET_FORBIDDEN'],
    ['bad name', 'E_PARAMS'],
    ['bad:name', 'E_PARAMS'],
    ['bad\r\nname', 'E_PARAMS'],
    ['', 'E_PARAMS'],
    ['hö', 'E_PARAMS'],
  ])('refuses the header %j', async (name, code) => {
    await using server = await echo();
    await using bench = createFetchBench([server.origin]);
    expect(await bench.outcome({ url: server.origin, headers: [[name, '1']] })).toBe(code);
    expect(server.sockets).toHaveLength(0);
  });

  it.each(['a\r\nx: 1', 'a\nx: 1', 'a\r', 'a\0', 'a\u2028', '\u{1F600}', 'a\r\n\r\nGET /admin HTTP/1.1'])(
    'refuses the header value %j, which would begin something else',
    async (value) => {
      await using server = await echo();
      await using bench = createFetchBench([server.origin]);
      expect(await bench.outcome({ url: server.origin, headers: [['x-a', value]] })).toBe('E_PARAMS');
      expect(server.sockets).toHaveLength(0);
    },
  );

  it('writes a line break in the path or query as what it is: text', async () => {
    await using server = await echo();
    await using bench = createFetchBench([server.origin]);
    const { text } = await bench.fetch({ url: `${server.origin}/a%0d%0aHost:%20evil?x=\r\nb HTTP/1.1` });
    expect(JSON.parse(text).url).toBe('/a%0d%0aHost:%20evil?x=b%20HTTP/1.1');
  });

  it.each([
    [{ method: 'CONNECT' }, 'E_NET_FORBIDDEN'],
    [{ method: 'trace' }, 'E_NET_FORBIDDEN'],
    [{ method: 'GET /x HTTP/1.1\r\n' }, 'E_PARAMS'],
    [{ method: 'GET', body: 'aGk=' }, 'E_PARAMS'],
    [{ method: 'POST', body: 'not base64!' }, 'E_PARAMS'],
    [
      {
        headers: [
          ['x', 'y'.repeat(16_000)] as [string, string],
          ['z', 'y'.repeat(1_000)] as [string, string],
        ],
      },
      'E_PARAMS',
    ],
  ])('refuses %j', async (part, code) => {
    await using server = await echo();
    await using bench = createFetchBench([server.origin]);
    expect(await bench.outcome({ url: server.origin, ...part })).toBe(code);
    expect(server.sockets).toHaveLength(0);
  });

  it('fails with E_NET when nobody answers, and tells nothing of how', async () => {
    const server = await echo();
    await server[Symbol.asyncDispose]();
    await using bench = createFetchBench([server.origin]);
    const failure = await bench.fetch({ url: server.origin }).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'E_NET' });
    expect(String(failure)).not.toContain(String(server.port));
  });

  it('limits what one extension sends and receives in a minute', async () => {
    await using server = await startHttpServer((_request, response) => response.end('x'.repeat(10_000)));
    await using bench = createFetchBench([server.origin], { limits: { egressKbPerMinute: 25 } });
    const outcomes: unknown[] = [];
    for (let i = 0; i < 4; i += 1) outcomes.push(await bench.outcome({ url: server.origin }));
    expect(outcomes).toEqual([200, 200, 'E_LIMIT_EGRESS', 'E_LIMIT_EGRESS']);
    expect(server.sockets.length).toBeLessThanOrEqual(3);
    await using mute = createFetchBench([server.origin], { limits: { egressKbPerMinute: 0 } });
    expect(await mute.outcome({ url: server.origin })).toBe('E_LIMIT_EGRESS');
  });

  it('runs a few at once, and refuses the rest', async () => {
    const open: (() => void)[] = [];
    await using server = await startHttpServer((_request, response) => {
      open.push(() => response.end());
    });
    await using bench = createFetchBench([server.origin]);
    const requests = Array.from({ length: 20 }, () => bench.outcome({ url: server.origin }));
    expect(await Promise.race(requests)).toBe('E_LIMIT_RATE');
    const answering = setInterval(() => {
      for (const answer of open.splice(0)) answer();
    }, 10);
    const outcomes = await Promise.all(requests);
    clearInterval(answering);
    expect(outcomes.filter((outcome) => outcome === 200)).toHaveLength(16);
  });

  it('ends when its caller is gone, and when the grant is', async () => {
    const arrived = Promise.withResolvers<void>();
    await using server = await startHttpServer(() => arrived.resolve());
    await using bench = createFetchBench([server.origin]);
    const leaving = new AbortController();
    const abandoned = bench.fetch({ url: server.origin }, leaving.signal).catch(codeOf);
    await arrived.promise;
    leaving.abort();
    expect(await abandoned).toBe('E_NET');

    const revoked = bench.outcome({ url: server.origin });
    await new Promise((resolve) => setTimeout(resolve, 50));
    bench.grant();
    expect(await revoked).toBe('E_CAP_REVOKED');
    expect(await bench.outcome({ url: server.origin })).toBe('E_CAP_REVOKED');
  });

  it('shares no connection between extensions', async () => {
    await using server = await startHttpServer((request, response) =>
      response.end(String(request.socket.remotePort)),
    );
    const adapter = createNetworkAdapter();
    const ask = async (extension: 'acme/a' | 'acme/b') => {
      const context = { caller: callerOf(extension), params: { url: server.origin } };
      return ((await adapter.executeHook('fetch', context)) as { body: string }).body;
    };
    const ports = { a: new Set<string>(), b: new Set<string>() };
    for (let i = 0; i < 5; i += 1) {
      ports.a.add(await ask('acme/a'));
      ports.b.add(await ask('acme/b'));
    }
    expect([...ports.a].filter((port) => ports.b.has(port))).toEqual([]);
    await adapter[Symbol.asyncDispose]();
    await adapter[Symbol.asyncDispose]();
    expect(await ask('acme/a').then(() => 'answered', codeOf)).toBe('E_SHUTDOWN');
  });
});
