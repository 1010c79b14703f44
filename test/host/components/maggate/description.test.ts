import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessTable } from '../../../../host/api/access.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway({
    cells: () => [
      {
        extension: 'acme/hello',
        stats: {
          pid: 1,
          restarts: 2,
          calls: 3,
          errors: 1,
          cpuMs: 1_500,
          heapBytes: 9,
          recycled: 0,
          hostCalls: 4,
          refused: { E_LIMIT_RATE: 6 },
          droppedLogs: 0,
          hostMs: 250,
        },
        used: { egressSentBytes: 11, egressReceivedBytes: 22 },
      },
    ],
    spareCells: () => 2,
    denied: () => [{ extension: 'acme/gone', code: 'E_CAP_SCOPE', count: 2 }],
    customMetrics: async (ids) =>
      ids.map((id) => `\nmag_ext_acme_hello_greetings{extension="${id}"} 1\n`).join(''),
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const NAMED = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', maxLength: 20 } },
};

interface Operation {
  requestBody?: object;
  parameters?: { name: string; in: string; required: boolean }[];
  responses: Record<string, unknown>;
  security?: object[];
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

const read = async (url = '/openapi.json'): Promise<Document> => (await gateway.inject(null, { url })).json();

describe('the OpenAPI description', () => {
  it('is 3.1 and has every route of the control API, and no page', async () => {
    const document = await read();
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const expected = accessTable()
      .map(([route]) => route)
      .filter((route) => route !== 'GET /openapi.json');
    expect(described.sort()).toEqual(expected.sort());
  });

  it('holds together: parameters are declared, answers are there, references lead somewhere', async () => {
    gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/greet/:name', auth: 'user' });
    const document = await read();
    for (const [path, methods] of Object.entries(document.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const operation of Object.values(methods)) {
        const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
        expect(declared.map(({ name }) => name).sort()).toEqual(names.sort());
        expect(declared.every(({ required }) => required)).toBe(true);
        expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      }
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference,
    );
    expect(new Set(references)).toEqual(new Set(['#/components/schemas/Problem']));
    expect(document.components.schemas).toHaveProperty('Problem.properties.code');
  });

  it('says what staging takes, and that a host can fail', async () => {
    const { paths } = await read();
    expect(paths['/v1/extensions']?.post).toMatchObject({
      requestBody: {
        required: true,
        content: { 'multipart/form-data': { schema: { required: ['package', 'bundle'] } } },
      },
    });
    expect(Object.keys(paths['/v1/host']?.get?.responses ?? {})).toEqual(['200', '4XX', '5XX']);
    const login = paths['/auth/login/{publisher}/{name}/{provider}']?.get;
    expect(Object.keys(login?.responses ?? {})).toEqual(['303', '4XX', '5XX']);
    expect(Object.keys(paths['/ws']?.get?.responses ?? {})).toEqual(['101', '4XX', '5XX']);
    expect(Object.keys(paths['/readyz']?.get?.responses ?? {})).toContain('503');
  });

  it('is what the schema of OpenAPI 3.1 takes, whatever extensions serve', async () => {
    gateway.endpoints.serveVersions(
      'acme/hello',
      [{ version: 1, deprecated: '2026-01-01' }],
      { method: 'GET', path: '/', auth: 'none' },
      { method: 'GET', path: '/a/:x/b/:y.json', auth: 'user', summary: 'Of "all" <kinds>.' },
      {
        method: 'POST',
        path: '/a/:one/b/:two.json',
        auth: 'acme:clerk',
        request: { $schema: 'https://json-schema.org/draft/2020-12/schema', ...NAMED },
        response: { type: 'object', properties: { id: { type: 'integer' } } },
      },
      { method: 'GET', path: '/a/:x/b/:y.json', auth: 'user', version: 2 },
      { method: 'DELETE', path: '/twice/:it/:it', auth: 'user', version: 99 },
    );
    const validator = new Validator();
    const document = await read();
    expect(await validator.validate({ ...structuredClone(document) })).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const mine = Object.keys(document.paths).filter((path) => path.includes('/x/acme/hello'));
    expect(mine.sort()).toEqual([
      '/v2/x/acme/hello/a/{x}/b/{y}.json',
      '/v99/x/acme/hello/twice/{it}/{it_2}',
      '/x/acme/hello/',
      '/x/acme/hello/a/{x}/b/{y}.json',
      '/x/acme/hello/twice/{it}/{it_2}',
    ]);
    expect(Object.keys(document.paths['/x/acme/hello/a/{x}/b/{y}.json'] ?? {})).toEqual(['get', 'post']);
    const described = document.paths['/x/acme/hello/a/{x}/b/{y}.json']?.post;
    expect(described).toMatchObject({
      requestBody: { required: true, content: { 'application/json': { schema: NAMED } } },
      responses: {
        200: { content: { 'application/json': { schema: { properties: { id: { type: 'integer' } } } } } },
        400: { content: { 'application/problem+json': {} } },
      },
    });
    expect(JSON.stringify(described)).not.toContain('$schema');
    // the check does check
    const broken = { ...structuredClone(document), paths: { '/x': { get: { responses: [] } } } };
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  it('shows the endpoints that are served now', async () => {
    gateway.endpoints.serve(
      'acme/hello',
      { method: 'GET', path: '/greet/:name', auth: 'user' },
      { method: 'POST', path: '/greet/:name', auth: 'none' },
    );
    const path = '/x/acme/hello/greet/{name}';
    const shown = (await read()).paths[path];
    expect(Object.keys(shown ?? {})).toEqual(['get', 'post']);
    expect(shown?.post?.security).toEqual([]);
    expect((await read('/docs/json')).paths).toHaveProperty([path]);
    gateway.endpoints.serve('acme/hello');
    expect((await read()).paths).not.toHaveProperty([path]);
  });

  it('has a page that loads nothing from elsewhere', async () => {
    const page = await gateway.inject(null, { url: '/docs' });
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'/);
    const script = await gateway.inject(null, { url: '/docs/static/swagger-ui-bundle.js' });
    expect(script.statusCode).toBe(200);
    for (const url of ['/docs/static/../../package.json', '/docs/static/%2e%2e/package.json']) {
      expect((await gateway.inject(null, { url })).statusCode).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('the metrics', () => {
  it('count requests by pattern, cells and events', async () => {
    gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/greet/:name', auth: 'user' });
    await gateway.inject('user', { url: '/x/acme/hello/greet/very-private-name' });
    await gateway.inject('owner', { url: '/v1/extensions/acme/hello' });
    await gateway.inject(null, { url: '/made-up-by-a-client' });
    const answer = await gateway.inject(null, { url: '/metrics' });
    expect(answer.headers['content-type']).toContain('text/plain');
    for (const line of [
      /magflock_http_requests_total\{method="GET",route="\/x\/acme\/hello",status="200"\} 1/,
      /magflock_http_requests_total\{method="GET",route="\/v1\/extensions\/:publisher\/:name",status="200"\} 1/,
      /magflock_http_requests_total\{method="GET",route="unknown",status="404"\} \d+/,
      /magflock_http_request_duration_seconds_count\{method="GET",route="\/x\/acme\/hello"\} 1/,
      /magflock_cell_calls\{extension="acme\/hello"\} 3/,
      /magflock_cell_cpu_seconds\{extension="acme\/hello"\} 1\.5/,
      /magflock_cell_host_seconds\{extension="acme\/hello"\} 0\.25/,
      /magflock_cell_host_calls\{extension="acme\/hello"\} 4/,
      /magflock_cell_egress_sent_bytes\{extension="acme\/hello"\} 11/,
      /magflock_cell_egress_received_bytes\{extension="acme\/hello"\} 22/,
      /magflock_cell_refused\{extension="acme\/hello",code="E_LIMIT_RATE"\} 6/,
      /magflock_spare_cells 2/,
      /magflock_capability_denials\{extension="acme\/gone",code="E_CAP_SCOPE"\} 2/,
      /mag_ext_acme_hello_greetings\{extension="acme\/hello"\} 1/,
      /process_cpu_seconds_total/,
    ]) {
      expect(answer.body).toMatch(line);
    }
    expect(answer.body).not.toMatch(/very-private-name|made-up/);
  });

  it('come without the event numbers when the database is away', async () => {
    const { heads } = gateway.stores.events;
    gateway.stores.events.heads = () => Promise.reject(new Error('away'));
    const answer = await gateway.inject(null, { url: '/metrics' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('magflock_http_requests_total');
    gateway.stores.events.heads = heads;
  });
});
