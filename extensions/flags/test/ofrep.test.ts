import { beforeEach, describe, expect, it } from 'vitest';
import { ExtensionError, type Json, type JsonObject, type RequestInfo } from '#sdk';
import { createRecordingContext, createRequest } from '#sdk/testing';
import { completed } from '../src/definition.ts';
import { createFlagsExtension } from '../src/extension.ts';
import { FlagCache } from '../src/flag-cache.ts';

const at = '2026-01-01T00:00:00.000Z';
const stored = (key: string, definition: JsonObject | null, version = 1) => ({
  key: `flag/${key}`,
  version,
  value: { definition, createdAt: at, updatedAt: at, updatedBy: 'user:ada' },
});
const scope = (name: string) => ({ key: `scope/${name}`, version: 1, value: true });
const request = (more: Partial<RequestInfo> = {}): RequestInfo => ({
  tenantId: 't_a',
  env: 'production',
  principal: null,
  membership: null,
  mode: null,
  traceId: '0'.repeat(32),
  ...more,
});

let now = 0;
let extension: ReturnType<typeof createFlagsExtension>;
beforeEach(() => {
  now = 1_000;
  extension = createFlagsExtension(new FlagCache(() => now));
});

/** What routing answers, by what it is asked of: tenant, surface or app. */
const context = (kept: Record<string, Json[]>, of: Partial<RequestInfo> = {}) =>
  createRecordingContext({
    request: request(of),
    call: (_id, _method, params) => {
      const { app, surface } = params as { app?: string; surface?: string };
      return { entries: kept[app ?? surface ?? 'tenant'] ?? [] };
    },
  });
type Ctx = ReturnType<typeof context>;
const one = (ctx: Ctx, key: string, body: Json = {}) => {
  const endpoint = extension.endpoints['POST /ofrep/v1/evaluate/flags/:key'];
  return endpoint(createRequest({ method: 'POST', params: { key }, body }), ctx);
};
const all = (ctx: Ctx, headers: Record<string, string> = {}, body: Json = {}) =>
  extension.endpoints['POST /ofrep/v1/evaluate/flags'](createRequest({ method: 'POST', headers, body }), ctx);
const asked = (ctx: Ctx) => ctx.calls.filter(({ name }) => name === 'extensions.call').length;

const plain = completed({ type: 'boolean' });
const shared = completed({ type: 'boolean', rollout: { weights: { on: 1 } } });

describe('the answer of OFREP', () => {
  it('is a value, why, and what it comes from', async () => {
    const ctx = context({ tenant: [stored('new-cart', plain, 7)] });
    expect(await one(ctx, 'new-cart', { context: { targetingKey: 'ada' } })).toEqual({
      body: {
        key: 'new-cart',
        value: false,
        variant: 'off',
        reason: 'STATIC',
        metadata: { version: 7, scope: 'tenant' },
      },
    });
    expect(ctx.calls[0]?.args).toEqual([
      'magflock/routing',
      'kvList',
      { kind: 'feature_flags', after: '', limit: 250 },
    ]);
  });

  it.each([
    ['no such flag', 'gone', {}, 404, 'FLAG_NOT_FOUND'],
    ['a removed one', 'removed', {}, 404, 'FLAG_NOT_FOUND'],
    ['no flag for sure', '../x', {}, 404, 'FLAG_NOT_FOUND'],
    ['nobody to tell apart', 'shared', {}, 400, 'TARGETING_KEY_MISSING'],
    ['a body that is none', 'shared', [1], 400, 'PARSE_ERROR'],
    ['a context that is none', 'shared', { context: 'ada' }, 400, 'INVALID_CONTEXT'],
    ['a definition nobody knows', 'odd', {}, 400, 'PARSE_ERROR'],
  ] as [string, string, Json, number, string][])(
    'says what fails: %s',
    async (_, key, body, status, errorCode) => {
      const odd = stored('odd', { type: 'date', variants: {} });
      const ctx = context({ tenant: [odd, stored('removed', null), stored('shared', shared)] });
      expect(await one(ctx, key, body)).toEqual({
        status,
        body: { key, errorCode, errorDetails: expect.any(String) },
      });
    },
  );

  it('names the entry that is missing, as an error of the service', async () => {
    const call = () => {
      throw new ExtensionError('ROUTE_MISSING', 'no entry for feature_flags for tenant t_a');
    };
    const ctx = createRecordingContext({ request: request(), call });
    const errorDetails = expect.stringContaining('feature_flags for tenant t_a');
    const body = { errorCode: 'GENERAL', errorDetails };
    expect(await one(ctx, 'x')).toEqual({ status: 500, body: { key: 'x', ...body } });
    expect(await all(ctx)).toEqual({ status: 500, body });
  });

  it('has all flags, and fails for each on its own', async () => {
    const ctx = context({ tenant: [stored('b', shared), stored('a', plain), stored('c', null)] });
    const { body, headers } = await all(ctx);
    expect(body).toEqual({
      flags: [
        {
          key: 'a',
          value: false,
          variant: 'off',
          reason: 'STATIC',
          metadata: { version: 1, scope: 'tenant' },
        },
        { key: 'b', errorCode: 'TARGETING_KEY_MISSING', errorDetails: expect.any(String) },
      ],
    });
    const etag = headers?.etag ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await all(ctx, { 'if-none-match': `"x", W/${etag}` })).toEqual({ status: 304, headers: { etag } });
    expect((await all(ctx, { 'if-none-match': etag }, { context: { targetingKey: 'ada' } })).status).toBe(
      undefined,
    );
  });

  it('is what the app says, else the surface, else the tenant', async () => {
    const variant = (name: string) =>
      completed({ type: 'string', variants: { [name]: name }, defaultVariant: name });
    const kept = {
      tenant: [
        scope('app/shop'),
        scope('surface/squared'),
        ...['x', 'y', 'z'].map((key) => stored(key, variant('tenant'))),
      ],
      squared: ['x', 'y'].map((key) => stored(key, variant('surface'))),
      shop: [stored('x', variant('app'))],
    };
    const ctx = context(kept, { surfaceId: 'squared', appId: 'shop' });
    const { body } = await all(ctx);
    const values = (body as { flags: { value: string }[] }).flags.map(({ value }) => value);
    expect(values).toEqual(['app', 'surface', 'tenant']);
    expect(asked(ctx)).toBe(3);
    const other = context(kept, { surfaceId: 'squared', appId: 'invented' });
    expect((await one(other, 'x')).body).toMatchObject({ value: 'surface' });
    expect((await one(context(kept), 'x')).body).toMatchObject({ value: 'tenant' });
  });
});

describe('what was read', () => {
  it('is believed for half a second from when the reading began, in its tenant', async () => {
    const kept = { tenant: [stored('x', plain)] };
    const ctx = context(kept);
    await Promise.all([one(ctx, 'x'), one(ctx, 'x'), all(ctx)]);
    now += 499;
    await one(ctx, 'x');
    expect(asked(ctx)).toBe(1);
    now += 1;
    await one(ctx, 'x');
    expect(asked(ctx)).toBe(2);
    const other = context({}, { tenantId: 't_b' });
    expect((await one(other, 'x')).status).toBe(404);
  });

  it('is read again by another request when the one that began was given up', async () => {
    const gone = createRecordingContext({
      request: request(),
      call: () => {
        throw new ExtensionError('STORE_UNAVAILABLE', 'given up');
      },
    });
    const [failed, done] = await Promise.all([
      one(gone, 'x'),
      one(context({ tenant: [stored('x', plain)] }), 'x'),
    ]);
    expect([failed.status, done.status]).toEqual([500, undefined]);
  });

  it('asks for less at a time when an answer would be too large', async () => {
    const limits: number[] = [];
    const ctx = createRecordingContext({
      request: request(),
      call: (_id, _method, params) => {
        const { after, limit } = params as { after: string; limit: number };
        limits.push(limit);
        if (limit > 100) throw new ExtensionError('TOO_LARGE', 'ask for fewer');
        const from = after === '' ? 0 : Number(after.slice(-3));
        return {
          entries: Array.from({ length: Math.min(limit, 120 - from) }, (_, n) =>
            stored(`f${String(from + n + 1).padStart(3, '0')}`, plain),
          ),
        };
      },
    });
    const { body } = await all(ctx);
    expect((body as { flags: Json[] }).flags.length).toBe(120);
    expect(limits).toEqual([250, 63, 63]);
  });
});

describe('a change', () => {
  const write = (answers: { swapped: boolean; version: number }) => {
    const call = (_id: string, method: string) => {
      if (method === 'kvCompareAndSet') return answers;
      return method === 'kvList' ? { entries: [] } : null;
    };
    const ctx = createRecordingContext({ request: request(), call });
    const body = { key: 'x', type: 'boolean' };
    const endpoint = extension.endpoints['POST /flags'];
    return { ctx, made: endpoint(createRequest({ method: 'POST', body }), ctx) };
  };
  const done = (ctx: Ctx) =>
    ctx.calls.map(({ name, args }) => (name === 'extensions.call' ? String(args[1]) : name));

  it('is promised to be told before it is made, and told when it is', async () => {
    const { ctx, made } = write({ swapped: true, version: 1 });
    expect((await made).status).toBe(201);
    const steps = [
      'kvGet',
      'kvList',
      'jobs.enqueue',
      'kvCompareAndSet',
      'busAppend',
      'events.publish',
      'jobs.cancel',
    ];
    expect(done(ctx)).toEqual(steps);
  });

  it('that others always come before is given up, and not told', async () => {
    const { ctx, made } = write({ swapped: false, version: 4 });
    expect(await made).toMatchObject({ status: 412, body: { code: 'STALE' } });
    expect(done(ctx)).not.toContain('events.publish');
    expect(done(ctx).filter((step) => step === 'jobs.cancel')).toHaveLength(5);
  });

  const many = (count: number, definition: JsonObject | null) =>
    Array.from({ length: count }, (_, n) => {
      const entry = stored(`f${String(n).padStart(4, '0')}`, definition);
      return { ...entry, value: { ...entry.value, updatedAt: new Date().toISOString() } };
    });
  it.each([
    ['flags', many(500, plain)],
    ['characters', [stored('big', { ...plain, description: 'x'.repeat(999_900) })]],
    ['flags made and removed', many(1_000, null)],
  ])('that makes too many %s is refused', async (_, entries) => {
    const call = (_id: string, method: string, params: Json) => {
      if (method !== 'kvList') return null;
      const { after, limit } = params as { after: string; limit: number };
      return { entries: entries.filter(({ key }) => key > after).slice(0, limit) };
    };
    const ctx = createRecordingContext({ request: request(), call });
    const body = { key: 'new', type: 'boolean' };
    const answer = await extension.endpoints['POST /flags'](createRequest({ method: 'POST', body }), ctx);
    expect(answer).toMatchObject({ status: 409, body: { code: 'LIMIT' } });
    expect(done(ctx)).not.toContain('kvCompareAndSet');
  });
});

it('evaluates for other extensions, and refuses them with a code of its own', async () => {
  const ctx = context({ tenant: [stored('x', plain)] });
  const { evaluate } = extension.exports;
  expect(await evaluate({ key: 'x' }, ctx)).toMatchObject({ value: false });
  expect(await evaluate({ key: 'y', context: {} }, ctx)).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
  expect(await evaluate(null, ctx)).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
});
