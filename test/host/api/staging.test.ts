import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_PACKAGE_BYTES } from '../../../host/api/package-routes.ts';
import { bearer, createTestGateway, type TestGateway } from './test-gateway.ts';

let gateway: TestGateway;
let url: string;
beforeAll(async () => {
  gateway = await createTestGateway();
  url = await gateway.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** A real upload over a real socket. */
async function stage(parts: readonly (readonly [name: string, content: Blob | string])[]) {
  const form = new FormData();
  for (const [name, content] of parts) form.append(name, content);
  const headers = bearer(gateway.tokens.author);
  const response = await fetch(`${url}/v1/extensions`, { method: 'POST', body: form, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const file = (bytes: number) => new Blob([new Uint8Array(bytes)], { type: 'application/gzip' });
const bundle = new Blob(['{"mediaType":"x"}'], { type: 'application/json' });

describe('staging', () => {
  it('hands package and bundle on as they are, and answers in the shape of spec 09', async () => {
    const { status, body } = await stage([
      ['package', file(5)],
      ['bundle', bundle],
    ]);
    expect(status).toBe(201);
    expect(gateway.operator.asked.at(-1)).toMatchObject({
      what: 'stage',
      with: { bytes: 5, bundle: '{"mediaType":"x"}' },
    });
    expect(Object.keys(body)).toEqual([
      'id',
      'version',
      'digest',
      'publisher',
      'tier',
      'signedBy',
      'capabilities',
      'dependencies',
      'warnings',
    ]);
    expect(body).toMatchObject({
      id: 'acme/hello',
      warnings: ['be careful'],
      dependencies: { 'acme/base': '^1.0.0' },
    });
  });

  it('takes the bundle as a field too, and the parts in any order', async () => {
    const { status } = await stage([
      ['bundle', '{"a":1}'],
      ['package', file(5)],
    ]);
    expect(status).toBe(201);
    expect(gateway.operator.asked.at(-1)?.with).toMatchObject({ bundle: '{"a":1}' });
  });

  it('hands on the attestations beside it, as a file or a field, up to 1 MiB', async () => {
    const lines = '{"line":1}\n{"line":2}\n';
    for (const attestations of [new Blob([lines], { type: 'application/jsonl' }), lines]) {
      const parts = [
        ['package', file(5)],
        ['bundle', bundle],
        ['attestations', attestations],
      ] as const;
      expect((await stage(parts)).status).toBe(201);
      const handed = gateway.operator.asked.at(-1)?.with as { attestations: string };
      expect(handed.attestations.replaceAll('\r', '')).toBe(lines); // forms end lines of fields so
      const twice = await stage([...parts, ['attestations', attestations]]);
      expect(twice.body.code).toBe('E_BAD_REQUEST');
    }
    for (const large of [file(2_000_000), 'x'.repeat(2_000_000)]) {
      const { body } = await stage([
        ['package', file(5)],
        ['bundle', bundle],
        ['attestations', large],
      ]);
      expect(body.code).toBe('E_SIG_INVALID');
    }
  });

  it('leaves it to the trust policy that there is no bundle', async () => {
    const { status, body } = await stage([['package', file(5)]]);
    expect([status, body.code]).toEqual([400, 'E_SIG_MISSING']);
  });

  it('takes a package of 20 MiB and refuses a larger one', async () => {
    const fits = await stage([
      ['package', file(MAX_PACKAGE_BYTES - 1)],
      ['bundle', bundle],
    ]);
    expect(fits.status).toBe(201);
    const larger = await stage([
      ['package', file(MAX_PACKAGE_BYTES + 1)],
      ['bundle', bundle],
    ]);
    expect(larger.body.code).toBe('E_PKG_INVALID');
  });

  it('refuses a bundle that is none by its size', async () => {
    for (const large of [file(2_000_000), 'x'.repeat(2_000_000)]) {
      const { body } = await stage([
        ['package', file(5)],
        ['bundle', large],
      ]);
      expect(body.code).toBe('E_SIG_INVALID');
    }
  });

  it.each([
    ['no part', []],
    ['no package', [['bundle', bundle]]],
    ['a package that is a field', [['package', 'text']]],
    [
      'another part',
      [
        ['package', file(5)],
        ['more', file(5)],
      ],
    ],
    [
      'two packages',
      [
        ['package', file(5)],
        ['package', file(5)],
      ],
    ],
    ['too many parts', Array.from({ length: 9 }, () => ['package', file(5)] as const)],
    ['a part named like a prototype', [['__proto__', file(5)]]],
  ] as const)('refuses %s', async (_name, parts) => {
    const { status, body } = await stage(parts);
    expect(body.code).toBe('E_BAD_REQUEST');
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  it.each(['application/json', 'multipart/form-data', 'multipart/form-data; boundary=x', 'image/png'])(
    'refuses a body of type %s that is no form',
    async (type) => {
      const answer = await gateway.inject('author', {
        method: 'POST',
        url: '/v1/extensions',
        headers: { 'content-type': type },
        payload: '{"package":1}',
      });
      expect(answer.json().code).toBe('E_BAD_REQUEST');
      expect(answer.statusCode).toBeLessThan(500);
    },
  );
});
