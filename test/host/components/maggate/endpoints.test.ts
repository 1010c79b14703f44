import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MagError } from '../../../../kernel/errors.ts';
import { CODES, type Code } from '../../../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../../../manifests/json.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const MOUNT = '/x/acme/hello';
beforeEach(() => {
  gateway.endpoints.answer = ({ payload }) => ({ status: 200, body: payload });
  gateway.endpoints.reason = 'E_NOT_FOUND';
  gateway.hooks.taps.clear();
  gateway.hooks.fired.length = 0;
  gateway.hooks.published.length = 0;
  gateway.endpoints.serve(
    'acme/hello',
    { method: 'GET', path: '/greet/:name', auth: 'user' },
    { method: 'GET', path: '/', auth: 'user' },
    { method: 'POST', path: '/echo', auth: 'user' },
    { method: 'DELETE', path: '/echo', auth: 'operator' },
    { method: 'POST', path: '/hook', auth: 'none' },
    { method: 'GET', path: '/custom', auth: 'acme:clerk' },
  );
});

const call = (
  method: string,
  path: string,
  more: object = {},
  role: Parameters<TestGateway['inject']>[0] = 'user',
) => gateway.inject(role, { method: method as 'GET', url: MOUNT + path, ...more });

describe('routing', () => {
  it('hands on what spec 09 says', async () => {
    const answer = await call('GET', '/greet/A%20b?x=1&y=2&y=3', { headers: { 'x-one': '1' } });
    expect(answer.statusCode).toBe(200);
    const { target, extension, payload, request } = gateway.endpoints.lastCall;
    expect([extension, target]).toEqual(['acme/hello', { kind: 'endpoint', name: 'GET /greet/:name' }]);
    expect(payload).toMatchObject({
      method: 'GET',
      path: '/greet/A%20b',
      params: { name: 'A b' },
      query: { x: '1', y: ['2', '3'] },
      headers: { 'x-one': '1' },
      body: null,
    });
    expect(payload).not.toHaveProperty('rawBody');
    expect(request).toMatchObject({
      tenantId: 't_system',
      env: 'prod',
      principal: { name: 'user', role: 'user' },
    });
    expect(answer.headers.traceparent).toContain(request?.traceId);
  });

  it('carries the environment and the trace of the caller', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = { 'x-env': 'staging', traceparent: `00-${trace}-b7ad6b7169203331-01` };
    await call('GET', '/greet/a', { headers });
    expect(gateway.endpoints.lastCall.request).toMatchObject({ env: 'staging', traceId: trace });
  });

  it.each(['', '/'])('serves the root as %j', async (path) => {
    expect((await call('GET', path)).statusCode).toBe(200);
    expect(gateway.endpoints.lastCall.payload.path).toBe('/');
  });

  it('answers HEAD like GET, without the body', async () => {
    const answer = await call('HEAD', '/greet/a');
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
  });

  it.each([
    ['GET', '/nothing'],
    ['PUT', '/echo'],
    ['GET', '/greet/a/b'],
    ['GET', '/GREET/a'],
    ['OPTIONS', '/echo'],
  ])('knows no %s %s', async (method, path) => {
    const answer = await call(method, path);
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'E_NOT_FOUND']);
  });

  it.each(['/x', '/x/', '/x/acme', '/x/Acme/hello/greet/a', '/x/acme/hellogreet', '/xx/acme/hello'])(
    'knows no %s',
    async (url) => {
      const answer = await gateway.inject('user', { url });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'E_NOT_FOUND']);
    },
  );

  it('says why an extension serves nothing', async () => {
    const url = '/x/acme/other/thing';
    for (const [code, status] of [
      ['E_NOT_FOUND', 404],
      ['E_NOT_ENABLED', 503],
      ['E_QUARANTINED', 503],
    ] as const) {
      gateway.endpoints.reason = code;
      const answer = await gateway.inject(null, { url });
      expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    }
  });

  it('never serves an endpoint that went away, and serves a new one at once', async () => {
    expect((await call('GET', '/greet/a')).statusCode).toBe(200);
    gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/new', auth: 'user' });
    expect((await call('GET', '/greet/a')).statusCode).toBe(404);
    expect((await call('GET', '/new')).statusCode).toBe(200);
    gateway.endpoints.serve('acme/hello');
    gateway.endpoints.reason = 'E_NOT_ENABLED';
    expect((await call('GET', '/new')).json().code).toBe('E_NOT_ENABLED');
  });

  it('serves the rest when two endpoints cannot be told apart', async () => {
    gateway.endpoints.serve(
      'acme/hello',
      { method: 'GET', path: '/a/:x', auth: 'user' },
      { method: 'GET', path: '/a/:y', auth: 'user' },
      { method: 'GET', path: '/b', auth: 'user' },
    );
    expect((await call('GET', '/a/1')).statusCode).toBe(200);
    expect((await call('GET', '/b')).statusCode).toBe(200);
    expect(gateway.logged.join()).toContain('endpoint cannot be routed');
  });
});

describe('access', () => {
  it.each([
    ['GET', '/greet/a', null, 401],
    ['GET', '/greet/a', 'user', 200],
    ['DELETE', '/echo', 'user', 403],
    ['DELETE', '/echo', 'auditor', 403],
    ['DELETE', '/echo', 'operator', 200],
    ['DELETE', '/echo', 'owner', 200],
    ['GET', '/custom', 'operator', 403],
    ['GET', '/custom', 'owner', 200],
    ['POST', '/hook', null, 200],
  ] as const)('%s %s as %s is answered %i', async (method, path, role, status) => {
    const before = gateway.endpoints.calls.length;
    const answer = await call(method, path, {}, role);
    expect(answer.statusCode).toBe(status);
    expect(gateway.endpoints.calls.length - before).toBe(status === 200 ? 1 : 0);
  });

  it('puts refusals on record under the pattern of the endpoint', async () => {
    await call('DELETE', '/echo', {}, 'author');
    expect(await gateway.actionsOnRecord('auth.denied')).toContainEqual(
      expect.objectContaining({ target: 'DELETE /x/acme/hello/echo', outcome: 'refused' }),
    );
  });

  it('gives a request without a token no principal, whatever it carries', async () => {
    await call('POST', '/hook', { headers: { authorization: 'Bearer of-somebody-else' } }, null);
    expect(gateway.endpoints.lastCall.request).toMatchObject({ principal: null, tenantId: 't_system' });
    const elsewhere = await call('POST', '/hook', { headers: { 'x-tenant-id': 't_acme' } }, null);
    expect(elsewhere.statusCode).toBe(403);
    const malformed = await call('POST', '/hook', { headers: { 'x-tenant-id': 'ACME' } }, null);
    expect(malformed.statusCode).toBe(400);
  });

  it('never shows credentials to an extension', async () => {
    const withheld = {
      cookie: 'a=1',
      'proxy-authorization': 'Basic x',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'a',
      forwarded: 'for=1.2.3.4',
      'sec-websocket-protocol': 'token',
      connection: 'keep-alive',
      te: 'trailers',
    };
    await call('GET', '/greet/a', { headers: { ...withheld, 'x-kept': 'yes' } });
    const { headers } = gateway.endpoints.lastCall.payload as { headers: JsonObject };
    expect(Object.keys(headers).filter((name) => name in withheld || name === 'authorization')).toEqual([]);
    expect(headers['x-kept']).toBe('yes');
    expect(JSON.stringify(gateway.endpoints.lastCall)).not.toContain(gateway.tokens.user);
  });
});

describe('bodies', () => {
  const post = (type: string | null, payload: string | Buffer, path = '/echo') =>
    call('POST', path, { payload, headers: type === null ? {} : { 'content-type': type } });
  const body = () => gateway.endpoints.lastCall.payload.body;

  it.each<[string, string, Json]>([
    ['application/json', '{"a":[1,null]}', { a: [1, null] }],
    ['application/json; charset=utf-8', '"text"', 'text'],
    ['application/cloudevents+json', '{"id":"1"}', { id: '1' }],
    ['application/json', '', null],
    ['text/plain', 'hällo', 'hällo'],
    ['text/csv; header=present', 'a,b', 'a,b'],
    ['application/x-www-form-urlencoded', 'a=1&a=2', 'a=1&a=2'],
  ])('takes %s', async (type, payload, expected) => {
    expect((await post(type, payload)).statusCode).toBe(200);
    expect(body()).toEqual(expected);
  });

  it.each([
    'application/jsonx',
    'application/octet-streams',
    'imagepng',
    'multipart/mixed; boundary=x',
    'nonsense',
  ])('refuses %s with 415', async (type) => {
    const answer = await post(type, 'x');
    expect([answer.statusCode, answer.json().code]).toEqual([415, 'E_BAD_REQUEST']);
  });

  it.each([
    '{',
    '{"a":1,}',
    "{'a':1}",
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":{"x":1}}}',
    '[1',
  ])('refuses the JSON %s', async (payload) => {
    const answer = await post('application/json', payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('refuses JSON nested too deep, and counts no bracket in a text', async () => {
    const deep = await post('application/json', '['.repeat(100_000));
    expect([deep.statusCode, deep.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    expect((await post('application/json', JSON.stringify('[\\"{'.repeat(1_000)))).statusCode).toBe(200);
  });

  it('takes 900 kB and no more', async () => {
    expect((await post('text/plain', 'x'.repeat(900_000))).statusCode).toBe(200);
    const larger = await post('text/plain', 'x'.repeat(900_001));
    expect([larger.statusCode, larger.json().code]).toEqual([413, 'E_BAD_REQUEST']);
  });

  it('reads no body of a request that is refused', async () => {
    const payload = '{';
    const headers = { 'content-type': 'application/json' };
    const answer = await call('POST', '/echo', { payload, headers }, null);
    expect(answer.statusCode).toBe(401);
  });

  it('gives the bytes to endpoints without authentication only', async () => {
    const bytes = Buffer.from('{"a": 1 }');
    await post('application/json', bytes, '/hook');
    expect(gateway.endpoints.lastCall.payload).toMatchObject({
      body: { a: 1 },
      rawBody: bytes.toString('base64'),
    });
    await post('application/json', bytes);
    expect(gateway.endpoints.lastCall.payload).not.toHaveProperty('rawBody');
    const larger = await post('text/plain', 'x'.repeat(400_001), '/hook');
    expect([larger.statusCode, larger.json().code]).toEqual([413, 'E_BAD_REQUEST']);
  });
});

describe('answers', () => {
  const answered = async (answer: Json) => {
    gateway.endpoints.answer = () => answer;
    return call('GET', '/greet/a');
  };

  it.each<[string, Json, number, string | undefined, string]>([
    ['an object', { status: 201, body: { a: 1 } }, 201, 'application/json; charset=utf-8', '{"a":1}'],
    ['a list', { body: [1] }, 200, 'application/json; charset=utf-8', '[1]'],
    ['a number', { body: 0 }, 200, 'application/json; charset=utf-8', '0'],
    ['a text', { body: 'hi' }, 200, 'text/plain; charset=utf-8', 'hi'],
    ['an empty text', { body: '' }, 200, 'text/plain; charset=utf-8', ''],
    ['HTML', { headers: { 'Content-Type': 'text/html' }, body: '<p>' }, 200, 'text/html', '<p>'],
    [
      'JSON of a kind',
      { headers: { 'content-type': 'application/hal+json' }, body: {} },
      200,
      'application/hal+json; charset=utf-8',
      '{}',
    ],
    [
      'an object called HTML',
      { headers: { 'content-type': 'text/html' }, body: { a: '<p>' } },
      200,
      'application/json; charset=utf-8',
      '{"a":"<p>"}',
    ],
    ['nothing', {}, 200, undefined, ''],
    ['a body that may not be', { status: 204, body: 'x' }, 204, undefined, ''],
    [
      'an error of its own',
      { status: 418, body: { tea: true } },
      418,
      'application/json; charset=utf-8',
      '{"tea":true}',
    ],
  ])('sends %s', async (_what, answer, status, type, text) => {
    const sent = await answered(answer);
    expect([sent.statusCode, sent.headers['content-type'], sent.body]).toEqual([status, type, text]);
    expect(sent.headers['x-content-type-options']).toBe('nosniff');
    expect(sent.headers['content-security-policy']).toBe("default-src 'none'; sandbox");
  });

  it.each<Json>([
    null,
    'text',
    7,
    [],
    { status: '200' },
    { status: 99 },
    { status: 199 },
    { status: 600 },
    { status: 200.5 },
    { headers: 'x' },
    { headers: [] },
  ])('calls the answer %o an error of the extension', async (answer) => {
    gateway.endpoints.failed.length = 0;
    const sent = await answered(answer);
    expect([sent.statusCode, sent.json().code]).toEqual([500, 'E_EXTENSION']);
    expect(gateway.endpoints.failed).toEqual(['acme/hello']);
  });

  it.each([
    [200, 0],
    [404, 0],
    [500, 1],
    [503, 1],
  ])('counts the status %i as %i failures', async (status, count) => {
    gateway.endpoints.failed.length = 0;
    expect((await answered({ status })).statusCode).toBe(status);
    expect(gateway.endpoints.failed).toHaveLength(count);
  });

  it('sends the headers an extension may set, and no other', async () => {
    const allowed = {
      etag: '"1"',
      'Cache-Control': 'no-store',
      Location: '/elsewhere',
      'x-hello': 'hi',
      vary: 'accept',
    };
    const refused = {
      'Set-Cookie': 'a=1',
      'content-security-policy': 'default-src *',
      'Strict-Transport-Security': 'max-age=0',
      connection: 'close',
      'transfer-encoding': 'chunked',
      'content-length': '3',
      'Access-Control-Allow-Origin': '*',
      'x-frame-options': 'ALLOWALL',
      'x-accel-redirect': '/etc/passwd',
      'clear-site-data': '"*"',
      'service-worker-allowed': '/',
      'www-authenticate': 'Basic',
      traceparent: 'mine',
      'x-split': 'a\r\nset-cookie: b=1',
      'x-nul': 'a\u0000b',
      'x-wide': '\u4e2d',
      'x-na me': 'a',
      'x-number': 7,
      '': 'empty',
    };
    const sent = await answered({ headers: { ...refused, ...allowed } as JsonObject, body: { a: 1 } });
    expect(sent.statusCode).toBe(200);
    expect(sent.headers).toMatchObject({
      etag: '"1"',
      'cache-control': 'no-store',
      location: '/elsewhere',
      'x-hello': 'hi',
    });
    for (const name of [
      'set-cookie',
      'strict-transport-security',
      'access-control-allow-origin',
      'x-frame-options',
      'x-accel-redirect',
      'clear-site-data',
      'service-worker-allowed',
      'www-authenticate',
      'x-split',
      'x-nul',
      'x-wide',
      'x-number',
    ]) {
      expect(sent.headers).not.toHaveProperty(name);
    }
    expect(sent.headers['content-security-policy']).toBe("default-src 'none'; sandbox");
    expect(sent.headers.traceparent).toMatch(/^00-/);
    expect(sent.json()).toEqual({ a: 1 });
  });

  it('tells the author once which header was left out', async () => {
    gateway.endpoints.serve('acme/told', { method: 'GET', path: '/', auth: 'user' });
    gateway.endpoints.answer = () => ({ headers: { 'Set-Cookie': 'secret=1' } });
    for (let i = 0; i < 3; i++) await gateway.inject('user', { url: '/x/acme/told' });
    await gateway.stores.logs.flush();
    const lines = await gateway.stores.logs.read('acme/told', { limit: 10 });
    expect(lines).toEqual([
      expect.objectContaining({ level: 'warn', fields: { endpoint: 'GET /x/acme/told/' } }),
    ]);
    expect(lines[0]?.message).toContain('Set-Cookie');
    expect(lines[0]?.message).not.toContain('secret');
  });
});

describe('errors', () => {
  const failing = async (error: unknown) => {
    gateway.endpoints.answer = () => {
      throw error;
    };
    return call('GET', '/greet/a');
  };

  const guestCodes = [
    'E_CAP_UNDECLARED',
    'E_CAP_REVOKED',
    'E_CAP_SCOPE',
    'E_SQL_FORBIDDEN',
    'E_EVENT_NAMESPACE',
    'E_LIMIT_CPU',
    'E_LIMIT_WALL',
    'E_LIMIT_MEMORY',
    'E_LIMIT_OUTPUT',
    'E_LIMIT_RATE',
    'E_EXTENSION',
    'E_CELL_LOST',
    'E_PROTOCOL',
    'E_QUARANTINED',
    'E_NOT_ENABLED',
    'E_NOT_FOUND',
    'E_DB_TIMEOUT',
    'E_STATE_QUOTA',
    'E_SHUTDOWN',
    'E_STORAGE',
  ] as const satisfies readonly Code[];

  it.each(guestCodes)('answers %s with its code and without its message', async (code) => {
    const answer = await failing(new MagError(code, 'secret of table public.users'));
    expect(answer.statusCode).toBe(CODES[code].status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ code, status: CODES[code].status, detail: CODES[code].meaning });
    expect(answer.body).not.toContain('secret');
  });

  it.each([
    ['E_CAP_REVOKED', 403],
    ['E_CAP_SCOPE', 403],
    ['E_CAP_UNDECLARED', 403],
    ['E_LIMIT_CPU', 503],
    ['E_LIMIT_MEMORY', 503],
    ['E_LIMIT_RATE', 503],
    ['E_LIMIT_OUTPUT', 503],
    ['E_LIMIT_WALL', 504],
    ['E_EXTENSION', 500],
  ] as const)('%s is %i, as spec 09 says', async (code, status) => {
    expect((await failing(new MagError(code, 'x'))).statusCode).toBe(status);
  });

  it.each([new Error('at /home/mag/secret.ts'), 'secret', null, new MagError('E_INTERNAL', 'secret')])(
    'answers %s with E_INTERNAL, and logs it with the trace',
    async (thrown) => {
      gateway.logged.length = 0;
      const answer = await failing(thrown);
      expect([answer.statusCode, answer.json().code]).toEqual([500, 'E_INTERNAL']);
      expect(answer.body).not.toContain('secret');
      expect(gateway.logged.join()).toContain(answer.json().traceId);
    },
  );
});

describe('hooks', () => {
  it('are not fired while nobody taps them', async () => {
    await call('GET', '/greet/a');
    expect(gateway.hooks.fired).toEqual([]);
  });

  it('change query, headers and body of a request, and neither method nor path', async () => {
    gateway.hooks.taps.set('maggate.wrap_request', () => ({
      method: 'DELETE',
      path: '/x/acme/other/secret',
      query: { added: '1', odd: { a: 1 } },
      headers: { 'X-Added': 'yes', odd: 7 },
      body: { changed: true },
    }));
    await call('POST', '/echo?q=1', { payload: { a: 1 } });
    const [fired] = gateway.hooks.fired;
    expect(fired).toMatchObject({
      hook: 'maggate.wrap_request',
      resource: { paths: '/x/acme/hello/echo' },
      value: { method: 'POST', path: '/x/acme/hello/echo', query: { q: '1' }, body: { a: 1 } },
    });
    expect(Object.keys(fired?.value as object).sort()).toEqual([
      'body',
      'headers',
      'method',
      'path',
      'query',
    ]);
    expect(gateway.endpoints.lastCall.payload).toMatchObject({
      method: 'POST',
      path: '/echo',
      query: { added: '1' },
      headers: { 'x-added': 'yes' },
      body: { changed: true },
    });
    expect(gateway.endpoints.lastCall.payload.query).toEqual({ added: '1' });
    expect(gateway.endpoints.lastCall.target.name).toBe('POST /echo');
  });

  it('change an answer, which is checked again', async () => {
    gateway.endpoints.answer = () => ({ status: 200, body: { a: 1 } });
    gateway.hooks.taps.set('maggate.transform_response', (value) => ({
      ...(value as JsonObject),
      status: 202,
      headers: { 'x-seen': '1', 'set-cookie': 'a=1' },
    }));
    const answer = await call('GET', '/greet/a');
    expect([answer.statusCode, answer.headers['x-seen'], answer.json()]).toEqual([202, '1', { a: 1 }]);
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(gateway.hooks.fired[0]).toMatchObject({
      hook: 'maggate.transform_response',
      resource: { paths: '/x/acme/hello/greet/a' },
      value: {
        status: 200,
        headers: {},
        body: { a: 1 },
        request: { method: 'GET', path: '/x/acme/hello/greet/a' },
      },
    });
  });
});

describe('an endpoint that says what body it takes', () => {
  const NAMED = {
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: { name: { type: 'string', format: 'email' } },
  };
  const post = (payload?: string, type = 'application/json') =>
    gateway.inject('user', {
      method: 'POST',
      url: '/x/acme/hello/named',
      ...(payload === undefined ? {} : { payload, headers: { 'content-type': type } }),
    });
  beforeEach(() => {
    gateway.endpoints.calls.length = 0;
    gateway.endpoints.serve('acme/hello', { method: 'POST', path: '/named', auth: 'user', request: NAMED });
  });

  it('gets such a body', async () => {
    expect((await post('{"name":"ada@example.com"}')).statusCode).toBe(200);
    expect((await post('{"name":"ada@example.com"}', 'application/vnd.x+json')).statusCode).toBe(200);
    expect(gateway.endpoints.lastCall.payload.body).toEqual({ name: 'ada@example.com' });
  });

  it.each([
    [400, '{"name":7}', 'application/json', 'body/name must be string.'],
    [400, '{"name":"ada"}', 'application/json', 'body/name must match format "email".'],
    [400, '{"name":"ada@example.com","role":"owner"}', 'application/json', 'body must NOT have'],
    [400, 'null', 'application/json', 'body must be object.'],
    [400, '', 'application/json', 'body must be object.'],
    [400, undefined, undefined, 'body must be object.'],
    [415, '{"name":"ada@example.com"}', 'text/plain', 'This endpoint takes JSON.'],
    [415, 'name=ada@example.com', 'application/x-www-form-urlencoded', 'This endpoint takes JSON.'],
    [415, 'x', 'application/octet-stream', 'This endpoint takes JSON.'],
    [415, '--x--', 'multipart/form-data; boundary=x', 'This endpoint takes JSON.'],
  ])('answers %d to %j of %s, and the extension hears nothing', async (status, payload, type, detail) => {
    const answer = await post(payload, type);
    expect([answer.statusCode, answer.json().code]).toEqual([status, 'E_BAD_REQUEST']);
    expect(answer.json().detail).toContain(detail);
    expect(gateway.endpoints.calls).toEqual([]);
  });

  it('is not asked before it is known who asks', async () => {
    const url = '/x/acme/hello/named';
    expect((await gateway.inject(null, { method: 'POST', url, payload: { name: 7 } })).statusCode).toBe(401);
  });

  it('keeps the host busy with no schema', async () => {
    const anyOf = Array.from({ length: 450 }, (_, i) => ({ const: i }));
    const endpoint = { method: 'POST', path: '/named', auth: 'user', request: { items: { anyOf } } } as const;
    gateway.endpoints.serve('acme/hello', endpoint);
    expect((await post('[449]')).statusCode).toBe(200);
    expect((await post(JSON.stringify(Array(5_000).fill(449)))).json().detail).toContain('too large');
  });
});

describe('events', () => {
  it('tell of a request and its answer', async () => {
    await call('GET', '/greet/a?token=secret');
    await expect.poll(() => gateway.hooks.published.length).toBe(2);
    const [received, sent] = gateway.hooks.published;
    const data = { extension: 'acme/hello', method: 'GET', path: '/x/acme/hello/greet/a' };
    expect(received).toMatchObject({
      type: 'api.request.received',
      data,
      context: { tenant_id: 't_system' },
    });
    expect(sent).toMatchObject({ type: 'api.response.sent', data: { ...data, status: 200 } });
    expect(JSON.stringify(gateway.hooks.published)).not.toContain('secret');
  });

  it('tell of what went wrong, in the host or in an extension', async () => {
    const told = () => gateway.hooks.published.filter(({ type }) => type === 'api.error.occurred');
    gateway.endpoints.answer = () => {
      throw new MagError('E_LIMIT_WALL', 'too slow');
    };
    await call('GET', '/greet/a?token=secret');
    gateway.endpoints.answer = () => ({ status: 503 });
    await call('GET', '/greet/a');
    await expect.poll(() => told().length).toBe(2);
    const data = { extension: 'acme/hello', method: 'GET', path: '/x/acme/hello/greet/a' };
    expect(told()).toMatchObject([
      { data: { ...data, status: 504, code: 'E_LIMIT_WALL' }, context: { tenant_id: 't_system' } },
      { data: { ...data, status: 503, code: null } },
    ]);
    expect(JSON.stringify(told())).not.toContain('secret');
  });

  it('are not made of requests for nothing', async () => {
    await call('GET', '/nothing');
    await call('GET', '/greet/a', {}, null);
    expect(gateway.hooks.published).toEqual([]);
  });
});
