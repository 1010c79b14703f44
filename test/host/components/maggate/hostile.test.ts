import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../../../manifests/json.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

const MOUNT = '/x/acme/hello';

let gateway: TestGateway;
let port: number;
beforeAll(async () => {
  gateway = await createTestGateway();
  port = Number(new URL(await gateway.app.listen({ host: '127.0.0.1', port: 0 })).port);
  gateway.endpoints.serve(
    'acme/hello',
    { method: 'GET', path: '/', auth: 'none' },
    { method: 'GET', path: '/greet/:name', auth: 'none' },
    { method: 'POST', path: '/echo', auth: 'none' },
    { method: 'DELETE', path: '/echo', auth: 'operator' },
  );
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Speaks to the server without a client in between, byte for byte, and reads until it hangs up. */
function speak(bytes: string | ((socket: Socket) => void), to = port): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(to, '127.0.0.1', () => {
      if (typeof bytes === 'string') socket.write(bytes, 'latin1');
      else bytes(socket);
    });
    socket.setEncoding('latin1').on('data', (chunk) => {
      answer += chunk;
    });
    // Bytes that nobody wants any more are answered with a reset, behind the answer.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => resolve(answer));
  });
}

function message(
  method: string,
  target: string,
  { headers = '', body = '', version = '1.1', connection = 'close' } = {},
): string {
  return `${method} ${target} HTTP/${version}\r\nhost: a\r\nconnection: ${connection}\r\n${headers}\r\n${body}`;
}
const get = (target: string, headers = '') => message('GET', target, { headers });
const post = (headers: string, body = '') => message('POST', `${MOUNT}/echo`, { headers, body });
const text = (headers: string, body = '') => post(`content-type: text/plain\r\n${headers}`, body);
const json = (body: string) =>
  post(`content-type: application/json\r\ncontent-length: ${body.length}\r\n`, body);

function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** It is refused, once, in our words or in node's, and the next client is served. */
async function expectRefused(bytes: string, status: number): Promise<void> {
  const calls = gateway.endpoints.calls.length;
  const answer = await speak(bytes);
  expect(statusesOf(answer)).toEqual([status]);
  expect(answer).not.toMatch(/node_modules|at .*\.ts|\/work\//);
  expect(gateway.endpoints.calls).toHaveLength(calls);
  expect(statusesOf(await speak(get('/healthz')))).toEqual([200]);
}

describe('paths', () => {
  it.each<[string, number]>([
    // out of the mount, however it is written
    [`${MOUNT}/../../../v1/host`, 404],
    [`${MOUNT}/..%2f`, 404],
    [`${MOUNT}/..%2f..%2fv1/host`, 404],
    [`${MOUNT}/%2e%2e/%2e%2e/%2e%2e/v1/host`, 404],
    [`${MOUNT}/%2e%2e%2f%2e%2e%2f%2e%2e%2fv1%2fhost`, 404],
    [`${MOUNT}/./greet/a`, 404],
    [`${MOUNT}/greet/../greet/a`, 404],
    [`${MOUNT}%2fgreet%2fa`, 404],
    ['/x/acme%2fhello/greet/a', 404],
    ['/x/%61cme/hello/greet/a', 404],
    ['/%78/acme/hello/greet/a', 404],
    ['/x/../x/acme/hello/greet/a', 404],
    ['/v1/../x/acme/hello/greet/a', 404],
    // slashes
    [`//${MOUNT}/greet/a`, 404],
    [`${MOUNT}//greet/a`, 404],
    [`${MOUNT}/greet//a`, 404],
    [`${MOUNT}/greet/a/`, 404],
    [`${MOUNT}\\greet\\a`, 404],
    [`/x\\acme\\hello`, 404],
    // control characters
    [`${MOUNT}/greet/%00`, 400],
    [`${MOUNT}/greet/a%00.json`, 400],
    [`${MOUNT}/greet/a%0d%0aset-cookie:b`, 400],
    [`${MOUNT}/greet/%1b%5b2J`, 400],
    [`${MOUNT}/greet/%7F`, 400],
    ['/v1/extensions/acme/hello%00', 400],
    // what is no UTF-8, or no escape
    [`${MOUNT}/greet/%c0%ae%c0%ae`, 400],
    [`${MOUNT}/greet/%c0%af`, 400],
    [`${MOUNT}/greet/%e0%80%af`, 400],
    [`${MOUNT}/greet/%ed%a0%80`, 400],
    [`${MOUNT}/greet/%ff`, 400],
    [`${MOUNT}/greet/%zz`, 400],
    [`${MOUNT}/greet/%`, 400],
    [`${MOUNT}/greet/%u002e`, 400],
    [`${MOUNT}/greet/\xff`, 400],
    [`${MOUNT}/gre et/a`, 400],
    // targets of another form
    ['http://evil.example/x/acme/hello/greet/a', 400],
    ['http://evil.example/v1/host', 400],
    ['http://evil.example:80/healthz', 400],
    ['http://user:password@a/healthz', 400],
    ['file:///etc/passwd', 400],
    ['x/acme/hello/greet/a', 400],
    ['*', 404],
    [`${MOUNT}/greet/a#b`, 400],
    ['', 400],
    // too long
    [`${MOUNT}/greet/${'a'.repeat(2_500)}`, 404],
    [`${MOUNT}/greet/${'a'.repeat(20_000)}`, 431],
    [`${MOUNT}/greet/${'%25'.repeat(5_000)}`, 404],
  ])('%.60s', async (target, status) => {
    await expectRefused(get(target), status);
  });

  it.each([
    ['a%2fb', 'a/b'],
    ['%252e%252e%252f', '%2e%2e%2f'],
    ['..%5c..%5cetc', '..\\..\\etc'],
    ['..', '..'],
    ['__proto__', '__proto__'],
    ['a;b=1', 'a;b=1'],
  ])('a parameter that is %s stays one, and leads nowhere', async (written, read) => {
    expect(statusesOf(await speak(get(`${MOUNT}/greet/${written}?__proto__[a]=1&constructor=2`)))).toEqual([
      200,
    ]);
    const { target, payload } = gateway.endpoints.lastCall;
    expect([target.name, payload.params]).toEqual(['GET /greet/:name', { name: read }]);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});

describe('methods and versions of HTTP', () => {
  it.each<[string, string, number]>([
    ['an unknown method', message('FOO', MOUNT), 400],
    ['a method in small letters', message('get', MOUNT), 400],
    ['TRACE', message('TRACE', MOUNT), 404],
    ['PROPFIND', message('PROPFIND', MOUNT), 404],
    ['PURGE', message('PURGE', MOUNT), 404],
    ['a tunnel', message('CONNECT', 'evil.example:443'), 400],
    ['OPTIONS for everything', message('OPTIONS', '*'), 404],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['HTTP/1.2', message('GET', MOUNT, { version: '1.2' }), 400],
    ['HTTP/3.0', message('GET', MOUNT, { version: '3.0' }), 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['no HTTP', 'EHLO example.com\r\n\r\n', 400],
    ['no host', `GET ${MOUNT} HTTP/1.1\r\nconnection: close\r\n\r\n`, 400],
    ['two hosts', get(MOUNT, 'Host: b\r\n'), 400],
    ['an expectation nobody meets', post('expect: a-miracle\r\ncontent-length: 0\r\n'), 417],
  ])('%s is refused', async (_what, bytes, status) => {
    await expectRefused(bytes, status);
  });

  it('a method in a header is no method', async () => {
    const tricks = ['x-http-method-override', 'x-http-method', 'x-method-override', '_method'];
    const headers = tricks.map((name) => `${name}: DELETE\r\n`).join('');
    for (const target of [`${MOUNT}/greet/a`, `${MOUNT}/greet/a?_method=DELETE`]) {
      expect(statusesOf(await speak(get(target, headers)))).toEqual([200]);
      expect(gateway.endpoints.lastCall.payload.method).toBe('GET');
    }
    await expectRefused(message('POST', '/v1/tokens', { headers: `${headers}content-length: 0\r\n` }), 401);
  });

  it('HTTP/1.0 is served, and hung up on', async () => {
    const answer = await speak(`GET ${MOUNT}/greet/a HTTP/1.0\r\n\r\n`);
    expect(statusesOf(answer)).toEqual([200]);
  });

  it('an upgrade nobody offers is a plain request, and the last one', async () => {
    const headers = 'upgrade: h2c, websocket\r\nhttp2-settings: AAMAAABkAAQAAP\r\n';
    const upgrade = message('GET', `${MOUNT}/greet/a`, { headers, connection: 'upgrade, http2-settings' });
    expect(statusesOf(await speak(upgrade + get('/healthz')))).toEqual([200]);
  });

  it('a hundred requests at once are answered one by one, in order', async () => {
    const one = message('GET', `${MOUNT}/nothing`, { connection: 'keep-alive' });
    expect(statusesOf(await speak(one.repeat(99) + get('/healthz')))).toEqual([...Array(99).fill(404), 200]);
  });
});

describe('where a message ends', () => {
  it.each<[string, string, number]>([
    ['two lengths', post('content-length: 1\r\ncontent-length: 2\r\n', 'ab'), 400],
    ['one length twice', post('content-length: 2\r\ncontent-length: 2\r\n', 'ab'), 400],
    ['two lengths in one', post('content-length: 2, 2\r\n', 'ab'), 400],
    ['a length below nothing', post('content-length: -1\r\n'), 400],
    ['a length with a sign', post('content-length: +1\r\n', 'a'), 400],
    ['a length in another notation', post('content-length: 0x1\r\n', 'a'), 400],
    ['a length no number holds', post('content-length: 99999999999999999999\r\n'), 400],
    ['a length and chunks', text('content-length: 4\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'), 400],
    ['chunks and a length', text('transfer-encoding: chunked\r\ncontent-length: 4\r\n', '0\r\n\r\n'), 400],
    ['chunks that are not last', text('transfer-encoding: chunked, identity\r\n', '0\r\n\r\n'), 400],
    ['chunks by another name', text('transfer-encoding: xchunked\r\n', '0\r\n\r\n'), 400],
    ['chunks with a space before the colon', text('transfer-encoding : chunked\r\n', '0\r\n\r\n'), 400],
    ['a chunk of no size', text('transfer-encoding: chunked\r\n', 'zz\r\nab\r\n'), 400],
    ['a chunk no number holds', text('transfer-encoding: chunked\r\n', 'FFFFFFFFFFFFFFFFF\r\nab\r\n'), 400],
    ['a chunk longer than it says', text('transfer-encoding: chunked\r\n', '1\r\nabc\r\n0\r\n\r\n'), 400],
    [
      'a chunk with an endless extension',
      text('transfer-encoding: chunked\r\n', `1;${'a'.repeat(30_000)}`),
      400,
    ],
    ['lines that end in LF alone', get(MOUNT).replaceAll('\r\n', '\n'), 400],
    ['a header over two lines', get(MOUNT, 'x-a: b\r\n c\r\n'), 400],
    ['a header with CR in it', get(MOUNT, 'x-a: b\rset-cookie: c\r\n'), 400],
    ['a header with NUL in it', get(MOUNT, 'x-a: b\0c\r\n'), 400],
    ['a header name with a space', get(MOUNT, 'x a: b\r\n'), 400],
    ['a header without a name', get(MOUNT, ': b\r\n'), 400],
  ])('%s is refused, and what follows is no request', async (_what, bytes, status) => {
    await expectRefused(bytes + get('/openapi.json'), status);
  });
});

describe('too much', () => {
  const chunks = (count: number) => `${(100_000).toString(16)}\r\n${'a'.repeat(100_000)}\r\n`.repeat(count);
  it.each<[string, string, number]>([
    ['of headers, in number', get(`${MOUNT}/greet/a`, 'a:1\r\n'.repeat(2_500)), 431],
    [
      'of headers for an extension',
      get(`${MOUNT}/greet/a`, Array.from({ length: 300 }, (_, n) => `h${n}: 1\r\n`).join('')),
      400,
    ],
    ['of headers, in size', get(MOUNT, `x: ${'y'.repeat(20_000)}\r\n`), 431],
    ['of a header name', get(MOUNT, `${'y'.repeat(20_000)}: x\r\n`), 431],
    ['of a method', `${'G'.repeat(20_000)} / HTTP/1.1\r\n\r\n`, 400],
    ['of a body, announced', text('content-length: 999999999\r\n'), 413],
    ['of a body, in chunks', text('transfer-encoding: chunked\r\n', `${chunks(12)}0\r\n\r\n`), 413],
    ['of a JSON in depth', json('['.repeat(200_000)), 400],
    ['of a JSON in depth, by members', json('{"a":'.repeat(70_000)), 400],
    ['of a control body', message('POST', '/v1/tokens', { headers: 'content-length: 9999999\r\n' }), 401],
    ['of a traceparent', get('/v1/host', `traceparent: ${'0'.repeat(10_000)}\r\n`), 401],
    ['of a token', get('/v1/host', `authorization: Bearer ${'a'.repeat(10_000)}\r\n`), 401],
  ])('%s is refused', async (_what, bytes, status) => {
    await expectRefused(bytes, status);
  });
});

describe('bodies', () => {
  const body = (type: string) => post(`content-type: ${type}\r\ncontent-length: 2\r\n`, '{}');
  it.each<[string, string, number]>([
    ['without a type', post('content-length: 2\r\n', '{}'), 415],
    ['of a type that is none', body(';;;'), 415],
    ['of a type without end', body('a/'.repeat(5_000)), 415],
    ['of XML', body('application/xml'), 415],
    ['of a form that is none', body('multipart/form-data; boundary=x'), 400],
    ['of a type that only ends like JSON', body('application/json+evil'), 415],
    ['that end too early', json('{"a":'), 400],
    ['with a poisoned prototype', json('{"__proto__":{"a":1}}'), 400],
    ['that are no JSON', json('{a:1}'), 400],
    ['with a number no reader agrees on', json('01'), 400],
  ])('%s are refused', async (_what, bytes, status) => {
    await expectRefused(bytes, status);
  });

  it('that a client abandons are no fault of the host', async () => {
    gateway.logged.length = 0;
    await speak((socket) => {
      socket.write(text('content-length: 1000\r\n', 'half'));
      setTimeout(() => socket.destroy(), 50);
    });
    expect(statusesOf(await speak(get('/healthz')))).toEqual([200]);
    expect(gateway.logged).toEqual([]);
  });
});

describe('slow clients', () => {
  /** Who is given up on soon enough for a test. */
  const PATIENCE = { headersMs: 2_000, requestMs: 2_500, checkMs: 100 };
  /** Sends a little at a time for as long as it is listened to. */
  const trickle = (first: string, more: string) => (socket: Socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.writable && socket.write(more), 50);
    socket.once('close', () => clearInterval(timer));
  };
  const once = (bytes: string) => (socket: Socket) => void socket.write(bytes);
  const kinds = {
    'says nothing': () => {},
    'sends half a line': once('GET /healthz'),
    'speaks HTTP/0.9': once('GET /healthz\r\n'),
    'never ends its headers': trickle('GET /healthz HTTP/1.1\r\nhost: a\r\n', 'a: b\r\n'),
    'sends empty lines': trickle('', '\r\n'),
    'never ends its body': trickle(text('content-length: 1000\r\n'), 'a'),
    'never ends its chunks': trickle(text('transfer-encoding: chunked\r\n'), '1\r\na\r\n'),
  };

  it('are hung up on, many as they are, and others served meanwhile', async () => {
    await using own = await createTestGateway({ patience: PATIENCE });
    const to = Number(new URL(await own.app.listen({ host: '127.0.0.1', port: 0 })).port);
    own.endpoints.serve('acme/hello', { method: 'POST', path: '/echo', auth: 'none' });
    const slow = Object.entries(kinds).map(async ([kind, send]) => [kind, statusesOf(await speak(send, to))]);
    const many = Array.from({ length: 200 }, () => speak(once('GET / HTTP/1.1\r\nhost:'), to));
    expect(statusesOf(await speak(get('/healthz'), to))).toEqual([200]);
    expect(Object.fromEntries(await Promise.all(slow))).toEqual(
      Object.fromEntries(Object.keys(kinds).map((kind) => [kind, [408]])),
    );
    expect(new Set((await Promise.all(many)).flatMap(statusesOf))).toEqual(new Set([408]));
    expect(own.endpoints.calls).toEqual([]);
  });
});

describe('hostile answers of an extension', () => {
  const answered = async (answer: Json): Promise<string> => {
    gateway.endpoints.answer = () => answer;
    return speak(get(`${MOUNT}/greet/a`));
  };

  it('do not get out of their header, nor set what is the host’s', async () => {
    const answer = await answered({
      headers: {
        'x-split': 'a\r\nset-cookie: stolen=1\r\n\r\nHTTP/1.1 200 OK',
        'x-wide': '\u010d\u010aset-cookie: stolen=1', // CR and LF for who cuts it to eight bits
        'x-a\r\nset-cookie': 'stolen=1',
        'Set-Cookie': 'stolen=1',
        'content-security-policy': 'default-src *',
        'access-control-allow-origin': '*',
        'content-length': '1',
        'transfer-encoding': 'chunked',
        connection: 'upgrade',
        refresh: '0; url=https://evil.example',
        link: '</evil.js>; rel=preload; as=script',
        'x-kept': 'yes',
      },
      body: 'the body',
    });
    const [head = '', ...body] = answer.split('\r\n\r\n');
    expect(body).toEqual(['the body']);
    expect(head).not.toMatch(/stolen|evil|chunked|upgrade|access-control|default-src \*/i);
    expect(head.split('\r\n').map((line) => line.split(':')[0]?.toLowerCase())).toEqual([
      ...['http/1.1 200 ok', 'traceparent', 'x-kept', 'x-content-type-options', 'content-security-policy'],
      ...['content-type', 'content-length', 'date', 'connection'],
    ]);
  });

  it.each<[string, Json]>([
    ['a status that switches protocols', { status: 101 }],
    ['a status that is a text', { status: '200\r\nset-cookie: stolen=1' }],
    ['a status beyond all', { status: 1e9 }],
    ['no object', [['set-cookie', 'stolen=1']]],
  ])('%s is an error of its own', async (_what, answer) => {
    const sent = await answered(answer);
    expect(statusesOf(sent)).toEqual([500]);
    expect(sent).not.toContain('stolen');
    expect(statusesOf(await speak(get('/healthz')))).toEqual([200]);
  });

  it('with a type that breaks the header are sent as text', async () => {
    const sent = await answered({
      headers: { 'content-type': 'text/html\r\nset-cookie: a' },
      body: '<script>',
    });
    expect(sent).toContain('content-type: text/plain');
    expect(sent).not.toContain('set-cookie');
  });
});
