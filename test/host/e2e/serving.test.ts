import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const CODE = `
const seen = [];
export default {
  endpoints: {
    'GET /greet/:name': async (request, ctx) => ({
      body: { hello: request.params.name, query: request.query, greeting: ctx.config.greeting, by: ctx.request.principal.role, tenant: ctx.request.tenantId },
    }),
    'POST /echo': async (request) => ({ status: 201, headers: { 'x-kind': typeof request.body }, body: { body: request.body, auth: request.headers.authorization ?? null } }),
    'GET /text': async () => ({ body: 'plain' }),
    'GET /boom': async () => { throw new Error('secret detail'); },
    'POST /count': async (_request, ctx) => { const n = ((await ctx.state.get('n')) ?? 0) + 1; await ctx.state.set('n', n); await ctx.events.publish('acme.hello.counted', { n }); return { body: { n } }; },
    'GET /seen': async (_request, ctx) => ({ body: { seen: (await ctx.state.get('seen')) ?? [] } }),
    'GET /hook': async () => ({ body: { ok: true } }),
  },
  events: {
    'acme.hello.counted': async (event, ctx) => { const seen = (await ctx.state.get('seen')) ?? []; await ctx.state.set('seen', [...seen, event.data.n]); },
  },
};`;

const ENDPOINTS = [
  'GET /greet/:name',
  'POST /echo',
  'GET /text',
  'GET /boom',
  'POST /count',
  'GET /seen',
  'GET /hook',
];

describe('an extension that was installed through the API', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    const hello = await author.publish({
      manifest: serving('hello', ENDPOINTS, {
        capabilities: [
          { name: 'api.emit_events', reason: 'Counts.' },
          { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
        ],
        contributes: {
          events: {
            subscribes: ['acme.hello.counted'],
            publishes: [{ type: 'acme.hello.counted', schema: 'schemas/counted.json' }],
          },
        },
        config: { type: 'object', properties: { greeting: { type: 'string', default: 'Hello' } } },
      }),
      code: CODE,
      files: {
        'schemas/counted.json': '{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}',
      },
    });
    await host.run(hello);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  it('serves its endpoints with parameters, query, configuration and request context', async () => {
    const { status, body } = await host.ask('GET', '/x/acme/hello/greet/Ada?a=1&a=2');
    expect(status).toBe(200);
    expect(body).toEqual({
      hello: 'Ada',
      query: { a: ['1', '2'] },
      greeting: 'Hello',
      by: 'owner',
      tenant: 't_system',
    });
  });

  it('never shows credentials to the extension', async () => {
    const { status, headers, body } = await host.ask('POST', '/x/acme/hello/echo', {
      body: { deep: [1, null] },
    });
    expect(status).toBe(201);
    expect(headers.get('x-kind')).toBe('object');
    expect(body).toEqual({ body: { deep: [1, null] }, auth: null });
  });

  it('sends a string as text', async () => {
    const { headers, body } = await host.ask('GET', '/x/acme/hello/text');
    expect(body).toBe('plain');
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
  });

  it.each([
    ['no token', { token: null }, 401, 'E_AUTH_REQUIRED'],
    ['a wrong token', { token: 'mag_no_such' }, 401, 'E_AUTH_REQUIRED'],
    ['another tenant', { headers: { 'x-tenant-id': 't_other' } }, 403, 'E_FORBIDDEN'],
    ['a malformed tenant', { headers: { 'x-tenant-id': 'T OTHER' } }, 400, 'E_BAD_REQUEST'],
  ])('refuses %s', async (_what, options, status, code) => {
    const answer = await host.ask('GET', '/x/acme/hello/greet/Ada', options);
    expect(answer.status).toBe(status);
    expect(answer.body.code).toBe(code);
  });

  it('answers its own errors with 500 and no detail, and keeps the detail in its log', async () => {
    const { status, body } = await host.ask('GET', '/x/acme/hello/boom');
    expect(status).toBe(500);
    expect(body.code).toBe('E_EXTENSION');
    expect(JSON.stringify(body)).not.toContain('secret detail');
    const logs = await until(
      async () => JSON.stringify((await host.ask('GET', '/v1/extensions/acme/hello/logs')).body),
      (text) => text.includes('secret detail'),
    );
    expect(logs).toContain('secret detail');
  });

  it('publishes events in its namespace and receives what it subscribed to, in order', async () => {
    for (let n = 1; n <= 3; n += 1)
      expect((await host.ask('POST', '/x/acme/hello/count')).body).toEqual({ n });
    const seen = await until(
      async () => (await host.ask('GET', '/x/acme/hello/seen')).body.seen as number[],
      (numbers) => numbers.length >= 3,
    );
    expect(seen).toEqual([1, 2, 3]);
    const { body } = await host.ask('GET', '/v1/events?type=acme.hello.counted');
    expect(body.events.map((event: { data: { n: number } }) => event.data.n).sort()).toEqual([1, 2, 3]);
  });

  it('says what is not there', async () => {
    expect((await host.ask('GET', '/x/acme/hello/nowhere')).body.code).toBe('E_NOT_FOUND');
    expect((await host.ask('GET', '/x/acme/nobody/greet')).body.code).toBe('E_NOT_FOUND');
  });

  it('is described in the OpenAPI document', async () => {
    const { body } = await host.ask('GET', '/openapi.json', { token: null });
    expect(body.openapi).toMatch(/^3\.1/);
    expect(Object.keys(body.paths)).toContain('/x/acme/hello/greet/{name}');
  });

  it('lets another extension wrap its requests and transform its answers, within its paths', async () => {
    const wrapper = await author.publish({
      manifest: {
        name: 'wrapper',
        capabilities: [
          {
            name: 'api.intercept_request',
            reason: 'Stamps.',
            scope: { paths: ['/x/acme/hello/echo', '/x/acme/hello/hook'] },
          },
        ],
        contributes: { hooks: [{ hook: 'maggate.wrap_request' }, { hook: 'maggate.transform_response' }] },
      },
      code: `export default { hooks: {
        'maggate.wrap_request': async (request) => ({ ...request, body: { wrapped: request.body ?? null } }),
        'maggate.transform_response': async (response) => ({ ...response, headers: { ...response.headers, 'x-wrapped': 'yes' } }),
      } };`,
    });
    await host.run(wrapper);
    const inside = await host.ask('POST', '/x/acme/hello/echo', { body: 1 });
    expect(inside.body.body).toEqual({ wrapped: 1 });
    expect(inside.headers.get('x-wrapped')).toBe('yes');
    expect((await host.ask('GET', '/x/acme/hello/text')).headers.get('x-wrapped')).toBeNull();
    await host.operate('acme/wrapper', 'disable');
    expect((await host.ask('POST', '/x/acme/hello/echo', { body: 1 })).body.body).toBe(1);
  });
});
