import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

beforeEach(() => {
  gateway.hooks.taps.clear();
  gateway.hooks.fired.length = 0;
  gateway.endpoints.serveVersions(
    'acme/hello',
    [{ version: 1, deprecated: '2026-11-30', sunset: '2027-06-01' }],
    { method: 'GET', path: '/greet/:name', auth: 'user' },
    { method: 'GET', path: '/greet/:who', auth: 'operator', version: 3, summary: 'Greets.' },
    { method: 'GET', path: '/old', auth: 'user' },
    { method: 'GET', path: '/new', auth: 'user', version: 2 },
    { method: 'GET', path: '/', auth: 'user', version: 2 },
  );
  gateway.endpoints.serve('acme/plain', { method: 'GET', path: '/', auth: 'user' });
});

const get = (url: string) => gateway.inject('owner', { url });
async function servedBy(url: string): Promise<string | number> {
  const before = gateway.endpoints.calls.length;
  const answer = await get(url);
  if (answer.statusCode !== 200) return answer.statusCode;
  expect(gateway.endpoints.calls).toHaveLength(before + 1);
  return gateway.endpoints.lastCall.target.name;
}

describe('versions of paths', () => {
  it.each([
    // without a version: the lowest of each endpoint
    ['/x/acme/hello/greet/a', 'GET /greet/:name'],
    ['/x/acme/hello/old', 'GET /old'],
    ['/x/acme/hello/new', 'v2 GET /new'],
    ['/x/acme/hello', 'v2 GET /'],
    // with one: the newest of each endpoint up to it
    ['/v1/x/acme/hello/greet/a', 'GET /greet/:name'],
    ['/v1/x/acme/hello/new', 404],
    ['/v2/x/acme/hello/greet/a', 'GET /greet/:name'],
    ['/v2/x/acme/hello/old', 'GET /old'],
    ['/v2/x/acme/hello/new', 'v2 GET /new'],
    ['/v2/x/acme/hello', 'v2 GET /'],
    ['/v2/x/acme/hello/', 'v2 GET /'],
    ['/v3/x/acme/hello/greet/a', 'v3 GET /greet/:who'],
    ['/v3/x/acme/hello/new', 'v2 GET /new'],
    // nobody has come to it
    ['/v4/x/acme/hello/greet/a', 404],
    ['/v99/x/acme/hello/greet/a', 404],
    ['/v2/x/acme/plain', 404],
    ['/v1/x/acme/plain', 'GET /'],
    // no version
    ['/v0/x/acme/hello/old', 404],
    ['/v01/x/acme/hello/old', 404],
    ['/v100/x/acme/hello/old', 404],
    ['/v1.0/x/acme/hello/old', 404],
    ['/V1/x/acme/hello/old', 404],
    ['/v/x/acme/hello/old', 404],
    ['/v1/v1/x/acme/hello/old', 404],
    ['/%76%31/x/acme/hello/old', 404],
    ['/v%31/x/acme/hello/old', 404],
    ['/v1/%78/acme/hello/old', 404],
  ])('%s leads to %s', async (url, target) => {
    expect(await servedBy(url)).toBe(target);
  });

  it('hand the extension a path without version and mount', async () => {
    await get('/v3/x/acme/hello/greet/A%20b');
    expect(gateway.endpoints.lastCall.payload).toMatchObject({
      path: '/greet/A%20b',
      params: { who: 'A b' },
    });
  });

  it('are each asked for their own role', async () => {
    for (const [url, status] of [
      ['/v2/x/acme/hello/greet/a', 200],
      ['/v3/x/acme/hello/greet/a', 403],
    ] as const) {
      expect((await gateway.inject('user', { url })).statusCode).toBe(status);
    }
    expect(await gateway.actionsOnRecord('auth.denied')).toContainEqual(
      expect.objectContaining({ target: 'GET /v3/x/acme/hello/greet/:who' }),
    );
  });

  it('change at once with what is declared', async () => {
    gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/old', auth: 'user', version: 7 });
    expect(await servedBy('/v7/x/acme/hello/old')).toBe('v7 GET /old');
    expect(await servedBy('/v3/x/acme/hello/old')).toBe(404);
    expect(await servedBy('/x/acme/hello/old')).toBe('v7 GET /old');
  });

  it('say why an extension that is off serves nothing', async () => {
    gateway.endpoints.serve('acme/hello');
    gateway.endpoints.reason = 'E_NOT_ENABLED';
    expect((await get('/v2/x/acme/hello/old')).json().code).toBe('E_NOT_ENABLED');
    gateway.endpoints.reason = 'E_NOT_FOUND';
  });
});

describe('a version that goes away', () => {
  it('says so in every answer of its endpoints, in whatever version of the path', async () => {
    for (const url of ['/x/acme/hello/old', '/v2/x/acme/hello/old']) {
      expect((await get(url)).headers).toMatchObject({
        deprecation: '@1795996800',
        sunset: 'Tue, 01 Jun 2027 00:00:00 GMT',
      });
    }
    const refused = await gateway.inject(null, { url: '/x/acme/hello/old' });
    expect([refused.statusCode, refused.headers.deprecation]).toEqual([401, '@1795996800']);
    expect((await get('/x/acme/hello/new')).headers).not.toHaveProperty('deprecation');
  });
});

describe('what taps see', () => {
  it.each([
    ['/x/acme/hello/greet/a', '/x/acme/hello/greet/a'],
    ['/v3/x/acme/hello/greet/a', '/x/acme/hello/greet/a'],
    ['/v2/x/acme/hello/%67reet/%61', '/x/acme/hello/greet/a'],
    ['/x/acme/hello/greet/..%2f..%2fold', '/x/acme/hello/greet/..%2F..%2Fold'],
    ['/x/acme/hello/greet/A%20b?c=1', '/x/acme/hello/greet/A%20b'],
  ])('of %s is %s: no spelling leads around a scope', async (url, path) => {
    gateway.hooks.taps.set('maggate.wrap_request', (value) => value);
    await get(url);
    expect(gateway.hooks.fired).toMatchObject([{ value: { path }, resource: { paths: path } }]);
  });

  it('is never a request whose mount is spelled otherwise', async () => {
    expect(await servedBy('/x/%61cme/hello/old')).toBe(404);
    expect(await servedBy('/%78/acme/hello/old')).toBe(404);
  });
});

describe('the description', () => {
  it('has every version at its path, and the lowest at the path without one', async () => {
    const { paths } = (await get('/openapi.json')).json();
    const mine = Object.keys(paths).filter((path) => path.includes('/x/acme/hello'));
    expect(mine.sort()).toEqual([
      '/v2/x/acme/hello/',
      '/v2/x/acme/hello/new',
      '/v3/x/acme/hello/greet/{who}',
      '/x/acme/hello/',
      '/x/acme/hello/greet/{name}',
      '/x/acme/hello/new',
      '/x/acme/hello/old',
    ]);
    expect(paths['/x/acme/hello/old'].get).toMatchObject({ deprecated: true });
    expect(paths['/v3/x/acme/hello/greet/{who}'].get).toMatchObject({
      summary: 'Greets.',
      description: 'Asks for a token (auth: operator). Version 3 of acme/hello.',
    });
  });
});
