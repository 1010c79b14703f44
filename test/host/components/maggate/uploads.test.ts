import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
  gateway.endpoints.serve(
    'acme/hello',
    { method: 'POST', path: '/upload', auth: 'user' },
    { method: 'POST', path: '/open', auth: 'none' },
  );
});
afterAll(() => gateway[Symbol.asyncDispose]());

const post = (type: string, payload: Buffer | string, path = '/upload') =>
  gateway.inject('user', {
    method: 'POST',
    url: `/x/acme/hello${path}`,
    payload,
    headers: { 'content-type': type },
  });

async function form(fill: (data: FormData) => void, path?: string) {
  const data = new FormData();
  fill(data);
  const whole = new Response(data);
  const type = whole.headers.get('content-type') ?? '';
  return post(type, Buffer.from(await whole.arrayBuffer()), path);
}

const refusal = (answer: { statusCode: number; json(): { code: string } }) => [
  answer.statusCode,
  answer.json().code,
];

describe('bytes', () => {
  it.each(['application/octet-stream', 'image/png', 'video/mp4; codecs=x', 'font/woff2'])(
    'of the type %s are handed on as they came',
    async (type) => {
      const bytes = Buffer.from([0, 255, 13, 10]);
      for (const path of ['/upload', '/open']) {
        expect((await post(type, bytes, path)).statusCode).toBe(200);
        const { body, rawBody } = gateway.endpoints.lastCall.payload;
        expect([body, rawBody]).toEqual([null, bytes.toString('base64')]);
      }
    },
  );

  it('are 650 kB at most', async () => {
    expect((await post('application/octet-stream', Buffer.alloc(650_000))).statusCode).toBe(200);
    expect(refusal(await post('application/octet-stream', Buffer.alloc(650_001)))).toEqual([
      413,
      'E_BAD_REQUEST',
    ]);
  });
});

describe('a form', () => {
  it('comes as its fields and files', async () => {
    const answer = await form((data) => {
      data.append('name', 'Ada');
      data.append('tag', 'a');
      data.append('tag', 'b');
      data.append('__proto', 'x');
      data.append('picture', new Blob([Buffer.from([0, 255])], { type: 'image/png' }), '../ada.png');
    });
    expect(answer.statusCode).toBe(200);
    expect(gateway.endpoints.lastCall.payload.body).toEqual({
      fields: { name: 'Ada', tag: ['a', 'b'], __proto: 'x' },
      files: [{ name: 'picture', filename: 'ada.png', type: 'image/png', sizeBytes: 2, content: 'AP8=' }],
    });
    expect(gateway.endpoints.lastCall.payload).not.toHaveProperty('rawBody');
  });

  it.each<[string, (data: FormData) => void]>([
    ['one file', (data) => data.append('f', new Blob([Buffer.alloc(650_001)]))],
    [
      'all files',
      (data) => void ['a', 'b'].map((name) => data.append(name, new Blob([Buffer.alloc(400_000)]))),
    ],
    ['a field', (data) => data.append('f', 'x'.repeat(100_001))],
    ['all fields', (data) => void Array.from({ length: 7 }, () => data.append('f', 'x'.repeat(99_000)))],
    ['the number of fields', (data) => void Array.from({ length: 101 }, () => data.append('f', 'x'))],
    [
      'the number of files',
      (data) => void Array.from({ length: 21 }, () => data.append('f', new Blob(['x']))),
    ],
  ])('is refused when %s is too large', async (_what, fill) => {
    const before = gateway.endpoints.calls.length;
    expect(refusal(await form(fill))).toEqual([413, 'E_BAD_REQUEST']);
    expect(gateway.endpoints.calls).toHaveLength(before);
  });

  it.each([
    ['has no boundary', 'multipart/form-data', 'x'],
    [
      'is cut off',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nhalf',
    ],
    [
      'names a prototype',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="__proto__"\r\n\r\nx\r\n--b--\r\n',
    ],
    [
      'has JSON that is none',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="a"\r\ncontent-type: application/json\r\n\r\n{\r\n--b--\r\n',
    ],
  ])('is refused when it %s', async (_what, type, payload) => {
    const before = gateway.endpoints.calls.length;
    expect(refusal(await post(type, payload))).toEqual([400, 'E_BAD_REQUEST']);
    expect(gateway.endpoints.calls).toHaveLength(before);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('names the tenant of the request in its fields, or none', async () => {
    const named = (tenant: string, path?: string) => form((data) => data.append('tenant_id', tenant), path);
    expect((await named('t_system')).statusCode).toBe(200);
    expect(refusal(await named('t_other'))).toEqual([403, 'E_FORBIDDEN']);
    expect((await named('t_other', '/open')).statusCode).toBe(200);
  });

  it('is not read for who may not call the endpoint', async () => {
    const answer = await gateway.inject(null, {
      method: 'POST',
      url: '/x/acme/hello/upload',
      payload: 'no form',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    expect(refusal(answer)).toEqual([401, 'E_AUTH_REQUIRED']);
  });
});
