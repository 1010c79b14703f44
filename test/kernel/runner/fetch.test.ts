import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { type BothPlatforms, startBothPlatforms } from './both-platforms.ts';

type Call = HostCalls['http.fetch'];

interface Made {
  readonly params: string;
  readonly request: RequestContext | null;
}

/** Plays the network adapter: really asks, and hands in what the call table says. */
async function askNetwork(text: string): Promise<string> {
  const { url, method = 'GET', headers = [], body, redirect = 'follow' }: Call['params'] = JSON.parse(text);
  const response = await fetch(url, {
    method,
    headers,
    redirect,
    ...(body === undefined ? {} : { body: Buffer.from(body, 'base64') }),
  });
  const result: Call['result'] = {
    status: response.status,
    statusText: response.statusText,
    url: response.url,
    redirected: response.redirected,
    headers: [...response.headers],
    body: Buffer.from(await response.arrayBuffer()).toString('base64'),
  };
  return JSON.stringify(result);
}

/** Answers with what it was sent; `/redirect`, `/empty`, `/bytes` and `/text` are special. */
function startEcho(): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url = '', headers } = request;
      response.setHeader('x-two', ['a', 'b']);
      response.setHeader('set-cookie', ['c=1', 'd=2']);
      if (url === '/redirect') response.writeHead(302, { location: '/echo?from=redirect' }).end();
      else if (url === '/empty') response.writeHead(204, 'Nothing Here').end();
      else if (url === '/bytes') response.end(Buffer.from([0, 255, 128, 10]));
      else if (url === '/text') response.end('\uFEFFé€😀');
      else if (url === '/missing') response.writeHead(404).end('{');
      else {
        const { accept, 'content-type': type, 'x-own': own } = headers;
        const body = Buffer.concat(chunks).toString('base64');
        response.end(JSON.stringify({ method, url, type, own, accept: accept !== undefined, body }));
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

describe('fetch in a cell', () => {
  let both: BothPlatforms;
  let server: Server;
  let origin: string;
  const made: Made[] = [];
  let answer: (params: string, signal: AbortSignal) => Promise<string> = askNetwork;

  beforeAll(async () => {
    server = await startEcho();
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    both = await startBothPlatforms((name, params, { request, signal }) => {
      if (name !== 'http.fetch') return Promise.reject(new MagError('E_PARAMS', 'another call'));
      made.push({ params, request });
      return answer(params, signal);
    });
  });
  afterAll(async () => {
    await both[Symbol.asyncDispose]();
    server.close();
  });

  it('has Headers like the platform', async () => {
    await both.same(`
      const results = [];
      const inits = [undefined, {}, { A: ' x ', b: 2 }, [['a', '1'], ['A', '2'], ['set-cookie', 'x'], ['Set-Cookie', 'y']], new Headers({ q: '1' }), new Map([['m', 'v']]),
        [['a']], { 'bad name': 1 }, { a: 'b\\nc' }, { a: '€' }, null, 5, 'text', { '': 1 }, { a: '\\t\\r\\nx\\n' }, { a: 'é' }, { [Symbol('s')]: 'x' }];
      for (const init of inits) results.push(await attempt(() => { const headers = new Headers(init); return [[...headers], [...headers.keys()], [...headers.values()], headers.getSetCookie()]; }));
      const headers = new Headers({ b: '1', 'X-A': '2' });
      headers.append('B', '3'); headers.append('set-cookie', 'one'); headers.append('set-cookie', 'two'); headers.set('c', 4); headers.delete('x-a');
      const visited = []; headers.forEach(function (value, name, all) { visited.push(value, name, all === headers, this.x); }, { x: 1 });
      results.push([...headers.entries()], headers.get('B'), headers.get('none'), headers.has('SET-COOKIE'), headers.get('set-cookie'), visited, Object.prototype.toString.call(headers));
      for (const broken of [() => headers.get('bad name'), () => headers.append('a', '\\0'), () => headers.forEach(1), () => Headers.prototype.get.call({}, 'a'), () => headers.delete('ü'), () => Headers()])
        results.push(await attempt(broken));
      return results;`);
  });

  it('has Request like the platform', async () => {
    await both.same(`
      const show = async (request) => [request.method, request.url, [...request.headers], request.redirect, request.signal.aborted, request.bodyUsed, await request.text(), request.bodyUsed];
      const results = [];
      const post = (body, more) => ['https://h/p', { method: 'post', body, ...more }];
      const cases = [['https://h/a b?c#d'], [new URL('https://h/u')], post('text é'), post(new URLSearchParams('a=1&b=ü')), post(new Uint8Array([65, 66])), post(new Uint8Array([1, 65, 66]).subarray(1).buffer),
        post('{}', { headers: { 'Content-Type': 'application/json' } }), post(5), post(null), ['https://h/', { method: 'patch' }], ['https://h/', { method: 'get', body: 'x' }], ['https://h/', { method: 'CONNECT' }],
        ['https://h/', { method: 'a b' }], ['/relative'], ['https://u:p@h/'], ['https://h/', { redirect: 'manual' }], ['https://h/', { redirect: 'nope' }], ['https://h/', { signal: {} }], ['https://h/', { signal: AbortSignal.abort() }],
        ['https://h/', { headers: { 'bad name': 'x' } }], ['https://h/', null], [undefined], ['https://h/', { method: 'custom' }]];
      for (const args of cases) results.push(await attempt(() => show(new Request(...args))));
      const first = new Request('https://h/', { method: 'PUT', body: 'once', headers: { a: '1' } });
      const second = new Request(first, { headers: { b: '2' } });
      results.push(first.bodyUsed, await show(second), await attempt(() => first.text()), await attempt(() => new Request(first)));
      const copy = new Request(new Request('https://h/', { method: 'POST', body: 'a' }), { body: 'b', method: 'PUT' });
      results.push(await show(copy), Object.prototype.toString.call(copy), await attempt(() => Request('https://h/')));
      return results;`);
  });

  it('has Response like the platform', async () => {
    await both.same(`
      const show = async (response) => [response.status, response.ok, response.statusText, response.type, response.url, response.redirected, [...response.headers], response.bodyUsed, await response.text(), response.bodyUsed];
      const results = [];
      const cases = [[], ['text'], [null, { status: 204, statusText: 'Gone' }], ['x', { status: 204 }], ['x', { status: 199 }], ['x', { status: 600 }], ['x', { status: '404' }], ['x', { statusText: 'a\\nb' }], ['x', { status: 99.9 }],
        [new Uint8Array([0xef, 0xbb, 0xbf, 65, 255])], ['\\ufeffa\\ud800'], [new URLSearchParams('a=1')], [new DataView(new Uint8Array([1, 66]).buffer, 1)], ['x', { headers: { 'content-type': 'a/b', x: 'y' } }], [{}], ['x', null]];
      for (const args of cases) results.push(await attempt(() => show(new Response(...args))));
      for (const make of [() => Response.json({ a: [1] }), () => Response.json({}, { status: 201, headers: { 'content-type': 'x/y' } }), () => Response.json(undefined), () => Response.json(1, { status: 204 }),
        () => Response.redirect('https://h/a b', 301), () => Response.redirect('https://h/', 200), () => Response.redirect('relative'), () => Response.error()]) results.push(await attempt(async () => show(make())));
      const bytes = new Response(new Uint8Array([1, 2, 255]));
      results.push([...new Uint8Array(await bytes.arrayBuffer())], await attempt(() => bytes.bytes()), [...await new Response('é').bytes()], [...new Uint8Array(await new Response('é').arrayBuffer())]);
      results.push(await new Response('{"a":1}').json(), await attempt(() => new Response('{').json()), await attempt(() => new Response().json()), (await new Response().bytes()).length);
      const empty = new Response(); await empty.text(); results.push(empty.bodyUsed, await empty.text(), Object.prototype.toString.call(empty));
      results.push(await attempt(() => Response.error().headers.append('a', 'b')), await attempt(() => Response.redirect('https://h/').headers.set('a', 'b')));
      return results;`);
  });

  it('asks and answers as the platform does', async () => {
    await both.same(
      `const show = async (response) => [response.status, response.ok, response.statusText, response.type, response.url, response.redirected, response.headers.get('x-two'), response.headers.getSetCookie(), await response.text()];
      const results = [];
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      for (const [path, init] of [['/echo?a=ü'], ['/echo', { method: 'POST', body: 'é€😀\\ud800' }], ['/echo', { method: 'put', body: bytes, headers: { 'X-Own': 'mine' } }], ['/echo', { method: 'POST', body: new URLSearchParams('a=b c') }],
        ['/redirect'], ['/redirect', { redirect: 'manual' }], ['/empty'], ['/text'], ['/missing'], ['/echo', { method: 'HEAD' }]]) results.push(await attempt(async () => show(await fetch(input + path, init))));
      results.push([...await (await fetch(input + '/bytes')).bytes()], await (await fetch(new Request(input + '/echo', { method: 'DELETE' }))).json());
      const once = await fetch(new URL(input + '/text'));
      await once.text();
      results.push(await attempt(() => once.text()), await attempt(() => once.headers.append('a', 'b')), await attempt(() => once.headers.delete('x-two')), await attempt(async () => (await fetch(input + '/missing')).json()));
      results.push(await attempt(() => fetch('nonsense')), await attempt(() => fetch(input, { method: 'TRACE' })), await attempt(() => fetch(input + '/redirect', { redirect: 'error' })));
      return results;`,
      origin,
    );
  });

  it('ends with the signal as on the platform', async () => {
    await both.same(
      `const results = [];
      const control = new AbortController();
      const underway = attempt(() => fetch(input + '/echo', { signal: control.signal }));
      control.abort(new RangeError('mine'));
      results.push(await underway, await attempt(() => fetch(input, { signal: AbortSignal.abort() })), await attempt(() => fetch(input, { signal: AbortSignal.abort('text') }).catch((reason) => reason)));
      results.push(await attempt(() => fetch(new Request(input, { signal: control.signal }))));
      return results;`,
      origin,
    );
    answer = () => new Promise(() => undefined);
    expect(
      await both.inCell(`return attempt(() => fetch(input, { signal: AbortSignal.timeout(20) }))`, origin),
    ).toEqual({
      threw: 'TimeoutError',
    });
    answer = askNetwork;
  });

  it('throws what the host refuses as a TypeError with the code of the host', async () => {
    answer = () => Promise.reject(new MagError('E_CAP_REVOKED', 'not granted'));
    const seen = await both.inCell(`
      return fetch('https://h/').then(() => 'fetched', (error) => [error instanceof TypeError, error.name, error.code, error.message]);`);
    expect(seen).toEqual([true, 'TypeError', 'E_CAP_REVOKED', 'not granted']);
    answer = askNetwork;
    const large = await both.inCell(
      `return fetch('https://h/', { method: 'POST', body: 'x'.repeat(1_000_000) }).then(() => 'sent', (error) => [error.name, error.code]);`,
    );
    expect(large).toEqual(['TypeError', 'E_LIMIT_OUTPUT']);
  });

  it('is made for the call that runs', async () => {
    made.length = 0;
    await both.inCell(`await null; await fetch(input + '/empty', { headers: { a: 'b' } });`, origin);
    expect(made.map(({ params, request }) => [JSON.parse(params), request?.traceId])).toEqual([
      [{ url: `${origin}/empty`, method: 'GET', headers: [['a', 'b']], redirect: 'follow' }, 'trace-1'],
    ]);
  });

  it('offers nothing it does not do', async () => {
    expect(
      await both.inCell(`
      const response = new Response('x');
      return ['body', 'clone', 'blob', 'formData'].filter((name) => name in response || name in new Request('https://h/'));`),
    ).toEqual([]);
  });
});
