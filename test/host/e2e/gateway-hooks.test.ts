import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packExtension } from '../../../host/packaging/index.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

let host: TestHost;
let authors: Author[];
let user: string;

beforeAll(async () => {
  host = await TestHost.start();
  authors = await Promise.all([Author.create('acme'), Author.create('example')]);
  for (const author of authors) await host.trust(author);
  const made = await host.ask('POST', '/v1/tokens', {
    body: { name: 'ada', role: 'user' },
  });
  expect(made.status).toBe(201);
  user = made.body.token;
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  for (const author of authors) await author[Symbol.asyncDispose]();
});

/** Edge, packed from its sources, with plans of three calls a minute. */
async function runEdge(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'magflock-edge-'));
  try {
    const { file } = await packExtension(
      join(ROOT_DIR, 'extensions/examples/edge'),
      join(folder, 'edge.mag'),
    );
    const archive = await readFile(file);
    const bundle = (await authors[1]?.sign(archive)) ?? '';
    const config = { callsPerMinute: { user: 3 } };
    await host.run({ id: 'example/edge', version: '1.0.0', archive, bundle }, 'all', config);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the example of the gateway', () => {
  beforeAll(runEdge);

  it('serves each version in its form, and says which one goes away', async () => {
    const first = await host.ask('GET', '/x/example/edge/fahrenheit/20');
    expect([first.status, first.body]).toEqual([200, '68 °F']);
    expect(first.headers.get('deprecation')).toBe('@1795996800');
    expect(first.headers.get('sunset')).toBe('Tue, 30 Nov 2027 00:00:00 GMT');
    const second = await host.ask('GET', '/v2/x/example/edge/fahrenheit/20');
    expect(second.body).toEqual({ degrees: 68, unit: 'F' });
    expect(second.headers.get('deprecation')).toBeNull();
    expect((await host.ask('GET', '/v3/x/example/edge/fahrenheit/20')).status).toBe(404);
  });

  it('has its hooks fired for every version', async () => {
    for (const path of ['/x/example/edge/fahrenheit/1', '/v2/x/example/edge/fahrenheit/1']) {
      const { headers } = await host.ask('GET', path);
      expect(headers.get('x-edge')).toBe('seen');
      expect(headers.get('traceparent')).toContain(headers.get('x-trace'));
    }
  });

  it('limits by plan, and counts what was called', async () => {
    const ask = () => host.ask('GET', '/v2/x/example/edge/fahrenheit/5', { token: user });
    // A minute may end in between: one of seven is over the plan of three in any case.
    const answers = [];
    for (let n = 0; n < 7; n++) answers.push(await ask());
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({
      code: 'PLAN_EXCEEDED',
      detail: 'The plan has 3 calls a minute.',
      veto: { extension: 'example/edge', hook: 'maggate.rate_limit_strategy' },
    });
    expect(refused?.headers.get('retry-after')).toBe('10');
    const route = { version: 2, route: '/fahrenheit/:celsius' };
    const { body } = await until(
      () => host.ask('GET', '/x/example/edge/calls'),
      (answer) => answer.body.calls.some(({ status }: { status: number }) => status === 429),
    );
    expect(body.calls).toContainEqual(
      expect.objectContaining({ ...route, status: 429, times: expect.any(Number) }),
    );
  });

  it('is described, and its use is shown to operators', async () => {
    const { paths } = (await host.ask('GET', '/openapi.json')).body;
    expect(paths['/v2/x/example/edge/fahrenheit/{celsius}'].get.summary).toMatch(/number/);
    const usage = (await host.ask('GET', '/v1/extensions/example/edge/usage')).body;
    expect(usage.requests).toContainEqual({
      endpoint: 'GET /v2/x/example/edge/fahrenheit/:celsius',
      answers: expect.objectContaining({ '2xx': expect.any(Number), '4xx': expect.any(Number) }),
    });
    const shown = (await host.show('example/edge')).contributions.versions;
    expect(shown.map(({ version }: { version: number }) => version)).toEqual([1, 2]);
  });
});

describe('an extension that resolves roles', () => {
  const CODE = `
  class Refusal extends Error { constructor(code, message) { super(message); this.code = code; } }
  export default {
    endpoints: { 'GET /open/:what': () => ({ body: 'in' }), 'GET /secret/:what': () => ({ body: 'in' }) },
    hooks: {
      'maggate.rbac_resolver': (request, ctx) => {
        if (request.principal.role !== 'owner') throw new Refusal('NEEDS_OWNER', request.path);
        if (request.path.endsWith('/loop')) for (;;);
      },
    },
  };`;

  beforeAll(async () => {
    const guard = await authors[0]?.publish({
      manifest: serving('guard', ['GET /open/:what', 'GET /secret/:what'], {
        capabilities: [
          { name: 'api.intercept_request', reason: 'Guards.', scope: { paths: ['/x/acme/guard/secret'] } },
        ],
        contributes: { hooks: [{ hook: 'maggate.rbac_resolver' }] },
      }),
      code: CODE,
    });
    if (guard) await host.run(guard);
  });

  it('refuses with its own code, however the path is written', async () => {
    const asUser = (path: string) => host.ask('GET', path, { token: user });
    for (const path of [
      '/x/acme/guard/secret/a',
      '/v1/x/acme/guard/secret/a',
      '/x/acme/guard/%73ecret/a',
      '/x/acme/guard/secre%74/%61',
    ]) {
      const answer = await asUser(path);
      expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
        403,
        'NEEDS_OWNER',
        '/x/acme/guard/secret/a',
      ]);
    }
    expect((await asUser('/x/acme/guard/open/a')).body).toBe('in'); // outside of its scope
    expect((await host.ask('GET', '/x/acme/guard/secret/a')).body).toBe('in');
  });

  it('keeps out when it gives no answer, and the control API is still there', async () => {
    const answer = await host.ask('GET', '/x/acme/guard/secret/loop');
    expect([answer.status, answer.body.code]).toEqual([403, 'E_VETO']);
    const off = await host.operate('acme/guard', 'disable');
    expect(off.body.state).toBe('succeeded');
  });
});
