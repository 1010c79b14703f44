import { describe, expect, it } from 'vitest';
import { createFetchBench } from './fetch-bench.ts';
import { type LocalServer, startHttpServer } from './local-servers.ts';

/** Redirects `/to/<status>/<encoded address>`, and tells of every other request. */
const redirector = () =>
  startHttpServer((request, response) => {
    const [, to, status, location] = (request.url ?? '').split('/');
    if (to === 'to') {
      response.writeHead(Number(status), { location: decodeURIComponent(location ?? '') }).end('moved');
    } else {
      request.resume();
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }));
    }
  });
const via = (server: LocalServer, location: string, status = 302) =>
  `${server.origin}/to/${status}/${encodeURIComponent(location)}`;

describe('redirects', () => {
  it('are followed within the scope, and the answer says from where it came', async () => {
    await using server = await redirector();
    await using bench = createFetchBench([server.origin]);
    const result = await bench.fetch({ url: via(server, '/end?a=1') });
    expect([result.status, result.redirected, result.url]).toEqual([200, true, `${server.origin}/end?a=1`]);
    const chain = via(server, via(server, via(server, '/end')));
    expect((await bench.fetch({ url: chain })).url).toBe(`${server.origin}/end`);
  });

  it.each([
    'http://127.0.0.1:1/',
    'http://localhost/',
    'http://[::1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.0.0.1/',
    '//evil.example/',
    'https://evil.example/',
    'http://2852039166/', // the metadata address as one number
  ])('to %s are put to the gate like any request, and denied', async (location) => {
    await using server = await redirector();
    await using bench = createFetchBench([server.origin]);
    expect(await bench.outcome({ url: via(server, location) })).toBe('E_CAP_SCOPE');
    expect(await bench.outcome({ url: via(server, via(server, location)) })).toBe('E_CAP_SCOPE');
    expect(bench.denials.map(({ code }) => code)).toEqual(['E_CAP_SCOPE', 'E_CAP_SCOPE']);
  });

  it('to a granted name with a closed address go nowhere', async () => {
    await using server = await redirector();
    const resolve = async () => ['169.254.169.254'];
    await using bench = createFetchBench([server.origin, 'http://api.example.com'], { resolve });
    expect(await bench.outcome({ url: via(server, 'http://api.example.com/') })).toBe('E_NET_FORBIDDEN');
  });

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'javascript:alert(1)', 'http://user:pw@127.0.0.1/'])(
    'to %s are forbidden',
    async (location) => {
      await using server = await redirector();
      await using bench = createFetchBench([server.origin]);
      expect(await bench.outcome({ url: via(server, location) })).toBe('E_NET_FORBIDDEN');
    },
  );

  it('that do not end, or lead to what is no address, are a fault of the server', async () => {
    await using loop = await startHttpServer((_request, response) =>
      response.writeHead(302, { location: '/' }).end(),
    );
    await using bench = createFetchBench([loop.origin]);
    expect(await bench.outcome({ url: loop.origin })).toBe('E_NET');
    await using server = await redirector();
    await using other = createFetchBench([server.origin]);
    expect(await other.outcome({ url: via(server, 'http://[') })).toBe('E_NET');
  });

  it('are handed out or refused when asked to', async () => {
    await using server = await redirector();
    await using bench = createFetchBench([server.origin]);
    const url = via(server, 'http://10.0.0.1/');
    const manual = await bench.fetch({ url, redirect: 'manual' });
    expect([manual.status, manual.redirected, manual.text]).toEqual([302, false, 'moved']);
    expect(await bench.outcome({ url, redirect: 'error' })).toBe('E_NET');
    expect(bench.denials).toEqual([]);
  });

  it.each([
    [301, 'POST', 'GET', undefined],
    [302, 'POST', 'GET', undefined],
    [303, 'PUT', 'GET', undefined],
    [307, 'POST', 'POST', '2'],
    [308, 'PUT', 'PUT', '2'],
  ])('with %i make a %s a %s', async (status, method, becomes, length) => {
    await using server = await redirector();
    await using bench = createFetchBench([server.origin]);
    const headers: [string, string][] = [['content-type', 'text/plain']];
    const { text } = await bench.fetch({ url: via(server, '/end', status), method, headers, body: 'aGk=' });
    const seen = JSON.parse(text);
    expect([seen.method, seen.headers['content-length']]).toEqual([becomes, length]);
    expect(seen.headers['content-type']).toBe(length === undefined ? undefined : 'text/plain');
  });

  it('need the method they end with', async () => {
    await using server = await redirector();
    await using bench = createFetchBench([server.origin], { methods: ['POST'] });
    const url = via(server, '/end', 303);
    expect(await bench.outcome({ url, method: 'POST' })).toBe('E_CAP_SCOPE');
  });

  it('to another origin leave the credentials behind', async () => {
    await using server = await redirector();
    await using other = await redirector();
    await using bench = createFetchBench([server.origin, other.origin]);
    const headers: [string, string][] = [
      ['Authorization', 'Bearer secret'],
      ['x-kept', '1'],
    ];
    const away = await bench.fetch({ url: via(server, `${other.origin}/end`), headers });
    expect(JSON.parse(away.text).headers).toMatchObject({ 'x-kept': '1' });
    expect(away.text).not.toContain('secret');
    const within = await bench.fetch({ url: via(server, '/end'), headers });
    expect(within.text).toContain('secret');
  });
});
