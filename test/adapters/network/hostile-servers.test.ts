import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createFetchBench, type FetchBench } from './fetch-bench.ts';
import { startHttpServer, startRawServer } from './local-servers.ts';

const OK = 'HTTP/1.1 200 OK\r\n';

/** What a fetch from a server that answers with these bytes comes to. */
async function answeredWith<Result>(
  bytes: string,
  use: (bench: FetchBench, url: string) => Promise<Result>,
): Promise<Result> {
  await using server = await startRawServer((socket) =>
    socket.once('data', () => socket.end(bytes, 'latin1')),
  );
  await using bench = createFetchBench([server.origin]);
  return await use(bench, `${server.origin}/`);
}
const outcomeOf = (bytes: string) => answeredWith(bytes, (bench, url) => bench.outcome({ url }));

/** A fetch from a server that packs its answer. */
async function packed(coding: string, body: Buffer) {
  await using server = await startHttpServer((_request, response) =>
    response.setHeader('content-encoding', coding).end(body),
  );
  await using bench = createFetchBench([server.origin]);
  return await bench.fetch({ url: server.origin }).then(
    ({ text }) => text,
    (failure: { code: string }) => failure.code,
  );
}

describe('the size of a response', () => {
  it('is capped, announced or not', async () => {
    expect(await outcomeOf(`${OK}content-length: 700000\r\n\r\n${'x'.repeat(700_000)}`)).toBe(200);
    expect(await outcomeOf(`${OK}content-length: 700001\r\n\r\n`)).toBe('E_LIMIT_OUTPUT');
    expect(await outcomeOf(`${OK}content-length: 99999999999999\r\n\r\n`)).toBe('E_LIMIT_OUTPUT');
    expect(await outcomeOf(`${OK}connection: close\r\n\r\n${'x'.repeat(700_001)}`)).toBe('E_LIMIT_OUTPUT');
    const endless = `${OK}transfer-encoding: chunked\r\n\r\n${`2710\r\n${'x'.repeat(10_000)}\r\n`.repeat(80)}`;
    expect(await outcomeOf(endless)).toBe('E_LIMIT_OUTPUT');
  });

  it('is capped for headers too, by bytes and by number', async () => {
    const many = Array.from({ length: 101 }, (_, i) => `a${i}: 1\r\n`).join('');
    expect(await outcomeOf(`${OK}${many}content-length: 0\r\n\r\n`)).toBe('E_LIMIT_OUTPUT');
    expect(await outcomeOf(`${OK}big: ${'x'.repeat(20_000)}\r\n\r\n`)).toBe('E_LIMIT_OUTPUT');
  });

  it('is capped after unpacking', async () => {
    const bomb = Buffer.alloc(50_000_000);
    expect(await packed('gzip', gzipSync(bomb))).toBe('E_LIMIT_OUTPUT');
    expect(await packed('deflate', deflateSync(bomb))).toBe('E_LIMIT_OUTPUT');
    expect(await packed('br', brotliCompressSync(bomb))).toBe('E_LIMIT_OUTPUT');
    expect(await packed('gzip, gzip', gzipSync(gzipSync(bomb)))).toBe('E_NET');
  });
});

describe('a packed response', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['identity', (text: string) => Buffer.from(text)],
  ])('in %s is unpacked', async (coding, pack) => {
    expect(await packed(coding, pack('hello'))).toBe('hello');
  });

  it('that is broken, cut off or in an unknown coding is refused', async () => {
    expect(await packed('gzip', Buffer.from('not gzip'))).toBe('E_NET');
    expect(await packed('gzip', gzipSync('x'.repeat(1_000)).subarray(0, 20))).toBe('E_NET');
    expect(await packed('zstd', Buffer.from('x'))).toBe('E_NET');
    expect(await packed('toString', Buffer.from('x'))).toBe('E_NET');
  });
});

describe('an answer that is not HTTP', () => {
  it.each([
    ['nothing', ''],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['half a head', `${OK}content-le`],
    ['a body cut off', `${OK}content-length: 100\r\n\r\nhalf`],
    ['two lengths', `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nab`],
    ['a length and chunks', `${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a negative length', `${OK}content-length: -1\r\n\r\n`],
    ['broken chunks', `${OK}transfer-encoding: chunked\r\n\r\nzz\r\n`],
    ['a NUL in a header', `${OK}a: b\0c\r\n\r\n`],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
  ])('fails: %s', async (_what, bytes) => {
    expect(await outcomeOf(bytes)).toBe('E_NET');
  });

  it('hides nothing behind a first response', async () => {
    const two = `${OK}content-length: 2\r\n\r\nok${OK}content-length: 4\r\n\r\nevil`;
    const text = await answeredWith(two, async (bench, url) => (await bench.fetch({ url })).text);
    expect(text).toBe('ok');
  });

  it('hands on header names that mean something to JavaScript as plain text', async () => {
    const bytes = `${OK}__proto__: x\r\nconstructor: y\r\ncontent-length: 0\r\n\r\n`;
    const headers = await answeredWith(bytes, async (bench, url) => (await bench.fetch({ url })).headers);
    expect(headers).toContainEqual(['__proto__', 'x']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('a server that takes its time', () => {
  it.each([
    ['says nothing', ''],
    ['sends headers byte by byte', OK],
    ['sends a body byte by byte', `${OK}content-length: 100000\r\n\r\n`],
    ['sends interim answers', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('and %s is left when the time is over', async (_what, first) => {
    await using server = await startRawServer((socket) => {
      const dripping = setInterval(() => socket.write(first.startsWith('HTTP/1.1 103') ? first : 'x'), 20);
      socket.once('close', () => clearInterval(dripping));
      if (first === '') clearInterval(dripping);
      socket.resume();
      socket.write(first);
    });
    await using bench = createFetchBench([server.origin]);
    expect(await bench.outcome({ url: server.origin, timeoutMs: 300 })).toBe('E_NET');
    const closed = server.sockets.map((socket) => new Promise((done) => socket.once('close', done)));
    await Promise.all(server.sockets.map((socket, i) => socket.destroyed || closed[i]));
  });
});
