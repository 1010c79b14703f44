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
          refused: {},
          droppedLogs: 0,
        },
      },
    ],
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

interface Operation {
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
