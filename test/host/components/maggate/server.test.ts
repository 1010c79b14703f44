import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../../kernel/errors.ts';
import { isCode } from '../../../../manifests/catalog/index.ts';
import type { Json } from '../../../../manifests/json.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

let gateway: TestGateway;
let port: number;
beforeAll(async () => {
  gateway = await createTestGateway();
  port = Number(new URL(await gateway.app.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Speaks to the server without a client in between, and reads until it hangs up. */
function speak(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('every error is a problem document', () => {
  const post = (payload: string, type = 'application/json') =>
    gateway.inject('owner', {
      method: 'POST',
      url: '/v1/tokens',
      payload,
      headers: { 'content-type': type },
    });

  it.each<[string, () => ReturnType<TestGateway['inject']>, number, string]>([
    ['an unknown route', () => gateway.inject('owner', { url: '/v1/nothing' }), 404, 'E_NOT_FOUND'],
    [
      'an unknown method',
      () => gateway.inject('owner', { method: 'PATCH', url: '/v1/host' }),
      404,
      'E_NOT_FOUND',
    ],
    ['a bad escape', () => gateway.inject('owner', { url: '/v1/%zz' }), 400, 'E_BAD_REQUEST'],
    ['no JSON', () => post('{'), 400, 'E_BAD_REQUEST'],
    ['a poisoned prototype', () => post('{"__proto__":{"role":"owner"}}'), 400, 'E_BAD_REQUEST'],
    ['a poisoned constructor', () => post('{"constructor":{"prototype":{"a":1}}}'), 400, 'E_BAD_REQUEST'],
    ['JSON too deep', () => post('['.repeat(1_000)), 400, 'E_BAD_REQUEST'],
    ['no body', () => post(''), 400, 'E_BAD_REQUEST'],
    ['a list for a body', () => post('[]'), 400, 'E_BAD_REQUEST'],
    ['another type', () => post('a=1', 'application/x-www-form-urlencoded'), 415, 'E_BAD_REQUEST'],
    ['a body too large', () => post(JSON.stringify({ name: 'x'.repeat(1_100_000) })), 413, 'E_BAD_REQUEST'],
  ])('%s', async (_what, ask, status, code) => {
    const answer = await ask();
    expect(answer.headers['content-type']).toBe('application/problem+json');
    const body = answer.json();
    expect([answer.statusCode, body.status, body.code]).toEqual([status, status, code]);
    expect(Object.keys(body)).toEqual(['type', 'title', 'status', 'code', 'detail', 'traceId']);
    expect(answer.headers.traceparent).toContain(body.traceId);
    expect(({} as Record<string, unknown>).role).toBeUndefined();
  });

  it('that names no fault of ours', async () => {
    gateway.operator.refusal = new TypeError('cannot read /home/mag/secret.pem: select * from mag.tokens');
    const answer = await gateway.inject('owner', { method: 'POST', url: '/v1/extensions/acme/hello/enable' });
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'E_INTERNAL']);
    expect(answer.body).not.toMatch(/secret|select|TypeError/);
    const line = gateway.logged.find((text) => text.includes('secret.pem'));
    expect(line).toContain(answer.json().traceId);
  });

  it('also when our own code says E_INTERNAL', async () => {
    gateway.operator.refusal = new MagError('E_INTERNAL', 'secret');
    const answer = await gateway.inject('owner', { method: 'POST', url: '/v1/extensions/acme/hello/enable' });
    expect(answer.body).not.toContain('secret');
  });

  it('also when what is spoken is no HTTP', async () => {
    for (const [text, status] of [
      ['NONSENSE\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const answer = await speak(text);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain('application/problem+json');
      expect(isCode(JSON.parse(answer.split('\r\n\r\n')[1] ?? '').code)).toBe(true);
    }
  });
});

describe('traces', () => {
  it('are in every answer, and follow the caller', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    for (const url of ['/healthz', '/v1/nothing', '/v1/host']) {
      const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
      const answer = await gateway.inject(null, { url, headers });
      expect(answer.headers.traceparent).toMatch(new RegExp(`^00-${trace}-`));
    }
  });

  it('are not taken from a request id', async () => {
    const answer = await gateway.inject(null, {
      url: '/v1/nothing',
      headers: { 'request-id': 'evil', 'x-request-id': 'evil' },
    });
    expect(answer.json().traceId).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('a database that is away', () => {
  it('is seen in readiness and answered with E_STORAGE, and liveness stays', async () => {
    await using own = await createTestGateway();
    own.stores.tokens.authenticate = () =>
      Promise.reject(new MagError('E_STORAGE', 'The database does not answer.'));
    const answer = await own.inject('owner', { url: '/v1/host' });
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'E_STORAGE']);
    own.stores.audit.latest = () => Promise.reject(new MagError('E_STORAGE', 'password=secret'));
    const ready = await own.inject(null, { url: '/readyz' });
    expect([ready.statusCode, ready.json().checks]).toEqual([
      503,
      { database: { ok: false, code: 'E_STORAGE' } },
    ]);
    expect(ready.body).not.toContain('secret');
    expect((await own.inject(null, { url: '/healthz' })).statusCode).toBe(200);
  });
});

describe('stopping', () => {
  it('does not wait for connections that were never used', async () => {
    // Longer than this test may take: nothing else ends them.
    const patience = { headersMs: 300_000, requestMs: 300_000, checkMs: 5_000 };
    const own = await createTestGateway({ patience });
    const at = new URL(await own.app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(at.port), at.hostname);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    await expect
      .poll(() => new Promise((resolve) => own.app.server.getConnections((_error, count) => resolve(count))))
      .toBe(1);
    await own.app.close();
    await closed;
    await own[Symbol.asyncDispose]();
  });

  it('ends requests under way, and answers E_SHUTDOWN to those behind them', async () => {
    const own = await createTestGateway();
    const at = new URL(await own.app.listen({ host: '127.0.0.1', port: 0 }));
    const slow = Promise.withResolvers<Json>();
    own.endpoints.serve('acme/slow', { method: 'GET', path: '/', auth: 'none' });
    own.endpoints.answer = () => slow.promise;
    let answers = '';
    const socket = connect(Number(at.port), at.hostname, () =>
      socket.write('GET /x/acme/slow HTTP/1.1\r\nhost: a\r\n\r\n'),
    );
    socket.setEncoding('utf8').on('data', (chunk) => {
      answers += chunk;
    });
    const hungUp = new Promise((resolve) => socket.once('close', resolve));
    await expect.poll(() => own.endpoints.calls.length).toBe(1);
    const closing = own.app.close();
    socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    slow.resolve({ body: 'done' });
    await Promise.all([closing, hungUp]);
    expect(answers).toMatch(/^HTTP\/1.1 200 OK/);
    expect(answers).toMatch(/HTTP\/1.1 503 Service Unavailable[\s\S]*"code":"E_SHUTDOWN"/);
    await own[Symbol.asyncDispose]();
  });
});
