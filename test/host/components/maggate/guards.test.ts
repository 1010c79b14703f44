import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type HookName, hookRow, isTapped } from '../../../../manifests/catalog/index.ts';
import type { JsonObject } from '../../../../manifests/json.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

const RBAC = 'maggate.rbac_resolver';
const LIMIT = 'maggate.rate_limit_strategy';
const USAGE = 'maggate.usage_analytics_emitter';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

beforeEach(() => {
  gateway.hooks.taps.clear();
  gateway.hooks.fired.length = 0;
  gateway.hooks.published.length = 0;
  gateway.endpoints.calls.length = 0;
  gateway.endpoints.answer = () => ({ body: 'hi' });
  gateway.endpoints.serve(
    'acme/hello',
    { method: 'GET', path: '/greet/:name', auth: 'user', version: 2 },
    { method: 'POST', path: '/hook', auth: 'none' },
  );
});

const url = '/v2/x/acme/hello/greet/a';
const hook = () => gateway.inject(null, { method: 'POST', url: '/x/acme/hello/hook', payload: { a: 1 } });
const firedOf = (name: HookName) => gateway.hooks.fired.filter((fired) => fired.hook === name);
const against = (name: string, message: string) => () => {
  throw Object.assign(new Error(message), { name });
};
function matchesSchema(name: HookName, value: unknown): boolean {
  const row = hookRow(name);
  return isTapped(row) && new Ajv2020({ strict: true }).validate(row.payload, value);
}

describe('who may call an endpoint', () => {
  it('is asked with the request, before its body is read', async () => {
    gateway.hooks.taps.set(RBAC, (value) => value);
    expect((await gateway.inject('user', { url })).statusCode).toBe(200);
    const [asked] = firedOf(RBAC);
    expect(asked).toMatchObject({
      resource: { paths: '/x/acme/hello/greet/a' },
      value: {
        principal: { name: 'user', role: 'user' },
        tenantId: 't_system',
        method: 'GET',
        path: '/x/acme/hello/greet/a',
        extension: 'acme/hello',
        version: 2,
        route: '/greet/:name',
        auth: 'user',
      },
    });
    expect(matchesSchema(RBAC, asked?.value)).toBe(true);
  });

  it('is answered with the code of the extension, and on record', async () => {
    gateway.hooks.taps.set(RBAC, against('NOT_ON_SUNDAYS', 'Come back tomorrow.'));
    const answer = await gateway.inject('user', { url });
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({
      code: 'NOT_ON_SUNDAYS',
      detail: 'Come back tomorrow.',
      veto: { extension: 'acme/tap', hook: RBAC },
    });
    expect(answer.headers).not.toHaveProperty('retry-after');
    expect(gateway.endpoints.calls).toEqual([]);
    expect(await gateway.actionsOnRecord('auth.denied')).toContainEqual(
      expect.objectContaining({
        target: 'GET /v2/x/acme/hello/greet/:name',
        outcome: 'refused',
        detail: { code: 'E_VETO', count: 1, by: 'acme/tap' },
      }),
    );
  });

  it('is not asked of who is nobody, nor of what asks for nobody', async () => {
    gateway.hooks.taps.set(RBAC, against('NO', 'no'));
    expect((await gateway.inject(null, { url })).statusCode).toBe(401);
    expect((await hook()).statusCode).toBe(200);
    expect(firedOf(RBAC)).toEqual([]);
  });

  it('is never asked of the control API: no extension locks operators out', async () => {
    gateway.hooks.taps.set(RBAC, against('NO', 'no'));
    gateway.hooks.taps.set(LIMIT, against('NO', 'no'));
    for (const path of ['/v1/host', '/v1/extensions', '/healthz', '/openapi.json']) {
      expect((await gateway.inject('owner', { url: path })).statusCode).toBe(200);
    }
    expect(gateway.hooks.fired).toEqual([]);
  });
});

describe('whether a call is one too many', () => {
  it('is asked last, and answered with 429 and when to try again', async () => {
    gateway.hooks.taps.set(RBAC, (value) => value);
    gateway.hooks.taps.set(LIMIT, against('PLAN_USED_UP', 'Your plan has 10 calls a day.'));
    const answer = await gateway.inject('user', { url });
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([
      429,
      'PLAN_USED_UP',
      '10',
    ]);
    expect(gateway.hooks.fired.map((fired) => fired.hook)).toEqual([RBAC, LIMIT]);
    expect(gateway.hooks.published).toContainEqual(
      expect.objectContaining({
        type: 'api.rate_limit.exceeded',
        data: { extension: 'acme/hello', principal: expect.stringMatching(/^token:/), by: 'acme/tap' },
      }),
    );
    expect(matchesSchema(LIMIT, firedOf(LIMIT)[0]?.value)).toBe(true);
  });

  it('counts nothing that was refused before', async () => {
    gateway.hooks.taps.set(RBAC, against('NO', 'no'));
    gateway.hooks.taps.set(LIMIT, (value) => value);
    await gateway.inject('user', { url });
    expect(firedOf(LIMIT)).toEqual([]);
  });

  it('is asked of callers without a token too', async () => {
    gateway.hooks.taps.set(LIMIT, (value) => value);
    expect((await hook()).statusCode).toBe(200);
    expect(firedOf(LIMIT)).toMatchObject([{ value: { principal: null, auth: 'none', version: 1 } }]);
    expect(matchesSchema(LIMIT, firedOf(LIMIT)[0]?.value)).toBe(true);
  });
});

describe('who used an endpoint', () => {
  const told = async (): Promise<JsonObject> => {
    await expect.poll(() => firedOf(USAGE).length).toBe(1);
    const [usage] = firedOf(USAGE);
    expect(usage?.resource).toEqual({ paths: expect.stringMatching(/^\/x\/acme\/hello\//) });
    expect(matchesSchema(USAGE, usage?.value)).toBe(true);
    return usage?.value as JsonObject;
  };

  it('is told after the answer', async () => {
    gateway.hooks.taps.set(USAGE, (value) => value);
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await gateway.inject('user', { url, headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
    expect(await told()).toMatchObject({
      extension: 'acme/hello',
      version: 2,
      method: 'GET',
      route: '/greet/:name',
      status: 200,
      requestBytes: 0,
      responseBytes: 2,
      principal: expect.stringMatching(/^token:/),
      tenantId: 't_system',
      traceId: trace,
    });
  });

  it('is told of bodies, and of callers without a token', async () => {
    gateway.hooks.taps.set(USAGE, (value) => value);
    await hook();
    expect(await told()).toMatchObject({
      principal: null,
      route: '/hook',
      requestBytes: 7,
      responseBytes: 2,
    });
  });

  it('is told of what an extension refused', async () => {
    gateway.hooks.taps.set(USAGE, (value) => value);
    gateway.hooks.taps.set(LIMIT, against('TOO_MANY', 'no'));
    await gateway.inject('user', { url });
    expect(await told()).toMatchObject({ status: 429 });
  });

  it('is not told of who never got in', async () => {
    gateway.hooks.taps.set(USAGE, (value) => value);
    await gateway.inject(null, { url });
    await gateway.inject('user', { url: '/x/acme/hello/nothing' });
    await gateway.inject('user', { url });
    expect(await told()).toMatchObject({ status: 200 });
  });

  it('is counted for operators, by endpoint and kind of answer', async () => {
    gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/counted/:id', auth: 'user' });
    await gateway.inject('user', { url: '/x/acme/hello/counted/1' });
    await gateway.inject('user', { url: '/x/acme/hello/counted/2' });
    await gateway.inject(null, { url: '/x/acme/hello/counted/3' });
    const usage = await gateway.inject('auditor', { url: '/v1/extensions/acme/hello/usage' });
    expect(usage.json().requests).toContainEqual({
      endpoint: 'GET /x/acme/hello/counted/:id',
      answers: { '2xx': 2, '4xx': 1 },
    });
  });
});

describe('hooks that nobody taps', () => {
  it('cost nothing', async () => {
    await gateway.inject('user', { url });
    await hook();
    expect(gateway.hooks.fired).toEqual([]);
  });
});
