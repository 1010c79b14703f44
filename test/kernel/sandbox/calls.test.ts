import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import type { CallOrigin } from '../../../kernel/sandbox/cell.ts';
import type { Json } from '../../../manifests/json.ts';
import { CELL_CODES } from '../../../manifests/protocol/cell-codes.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { createHarness, type Harness, REQUEST, rejection, startHarness } from './harness.ts';

const LIFECYCLE = { request: null, deadlineMs: 20_000, cpuMs: 1_000 };

describe('calls into an extension', () => {
  let harness: Harness;
  const hostCalls: { name: string; params: Json; request: RequestContext | null }[] = [];

  async function hostCall(name: string, params: string, { request }: CallOrigin): Promise<string> {
    hostCalls.push({ name, params: JSON.parse(params), request });
    if (name === 'db.query') throw new MagError('E_CAP_SCOPE', 'not for this table');
    if (name === 'files.list') throw new MagError('E_LIMIT_RATE', 'too many at once');
    if (name === 'files.read') throw new MagError('E_NOT_FOUND', 'nothing there');
    if (name === 'http.fetch') throw new MagError('E_NET_FORBIDDEN', 'a closed address');
    if (name === 'events.publish') throw new TypeError('a fault of the host: /secret/path');
    if (name === 'state.get') return '{"value":{"n":1},"version":7}';
    if (name === 'state.list') return '{"entries":[{"key":"a","value":1,"version":1}]}';
    if (name === 'state.delete') return '{"deleted":true}';
    if (name === 'state.compareAndSet') return '{"swapped":false,"version":9}';
    return '{"version":8}';
  }

  beforeAll(async () => {
    harness = await startHarness(
      {
        echo: '(request) => request',
        nothing: '() => undefined',
        who: '(request, ctx) => ({ extension: ctx.extension, config: ctx.config, request: ctx.request })',
        frozen: `(request, ctx) => [ctx, ctx.config, ctx.config.nested, ctx.request, ctx.db].map(Object.isFrozen)`,
        hold: `() => new Promise((done) => { globalThis.letGo = () => done('held'); })`,
        letGo: '() => { letGo(); }',
        throws: `() => { throw Object.assign(new Error('the secret of the author'), { code: 'MY_CODE' }); }`,
        forge: `() => { throw Object.assign(new Error('forged'), { code: 'E_CAP_UNDECLARED' }); }`,
        forgeOwn: `(code) => { throw Object.assign(new Error('forged'), { code }); }`,
        forgeOnReal: `async (code, ctx) => {
          const error = await ctx.files.list('').then(null, (thrown) => thrown);
          error.code = code;
          throw error;
        }`,
        refused: `async (request, ctx) => { await ctx.files.list(''); }`,
        missing: `async (request, ctx) => { await ctx.files.read('a'); }`,
        fetched: `async () => { await fetch('http://localhost/'); }`,
        throwsText: `() => { throw 'just text'; }`,
        throwsOwn: `() => { class OutOfStock extends Error {} throw new OutOfStock('none left'); }`,
        throwsTrap: `() => { throw Object.create(null, { constructor: { get() { throw 1; } }, name: { value: 'Trap' } }); }`,
        throwsLong: `() => { class A extends Error {} Object.defineProperty(A, 'name', { value: 'x'.repeat(1_000_000) }); throw new A('long'); }`,
        scope: `async (request, ctx) => { await ctx.db.query('select 1', [1]); }`,
        caught: `async (request, ctx) => {
          try { await ctx.db.queryOne('select 1'); } catch (error) { return [error instanceof Error, error.code, error.message]; }
        }`,
        fault: `async (request, ctx) => { await ctx.events.publish('acme.hello.x', { a: 1 }, { eventId: 'e' }); }`,
        state: `async (request, { state }) => [
          await state.get('k'), await state.getVersioned('k'), await state.set('k', [1]), await state.delete('k'),
          await state.list({ prefix: 'a' }), await state.compareAndSet('k', 1, 3)]`,
        bigint: '() => 1n',
        logs: `(request, ctx) => { ctx.log.warn('careful', { n: 1 }); console.log('a', { b: 2 }, 3); }`,
      },
      {
        hostCall,
        clean: (text) => text.replaceAll('of the author', '[redacted]'),
        load: { config: { greeting: 'hi', nested: { a: [1] } } },
      },
    );
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  it('carries the payload in and the result out', async () => {
    const payload = { text: 'ü\u2028"\\', list: [1, null, true], __proto__x: 1 };
    expect(await harness.call('echo', payload)).toEqual(payload);
    expect(await harness.call('nothing')).toBeNull();
  });

  it('tells the extension who it is and for whom it works', async () => {
    expect(await harness.call('who')).toEqual({
      extension: { id: 'acme/hello', version: '1.2.3' },
      config: { greeting: 'hi', nested: { a: [1] } },
      request: REQUEST,
    });
    expect(await harness.call('frozen')).toEqual([true, true, true, true, true]);
  });

  it('runs calls side by side', async () => {
    const order: Json[] = [];
    const held = harness.call('hold').then((done) => order.push(done));
    order.push(await harness.call('echo', 'beside it'));
    await Promise.all([held, harness.call('letGo')]);
    expect(order).toEqual(['beside it', 'held']);
  });

  it('hands host calls on with the request of the call that makes them', async () => {
    hostCalls.length = 0;
    await rejection(harness.call('scope'));
    expect(hostCalls).toEqual([
      { name: 'db.query', params: { sql: 'select 1', params: [1] }, request: REQUEST },
    ]);
  });

  it('keeps a code the host answered this call with, and its message', async () => {
    const error = await rejection(harness.call('scope'));
    expect([error.code, error.message]).toEqual(['E_CAP_SCOPE', 'not for this table']);
    expect(await harness.call('caught')).toEqual([true, 'E_CAP_SCOPE', 'not for this table']);
  });

  it('shows nothing of a fault of the host to the guest', async () => {
    const error = await rejection(harness.call('fault'));
    expect(error.code).toBe('E_EXTENSION');
    expect(JSON.stringify(harness.logs)).not.toContain('/secret/path');
  });

  it('keeps the words of an error for the log of the host, without what must not be there', async () => {
    const { cause } = await rejection(harness.call('throws'));
    expect(cause).toMatchObject({ message: 'the secret [redacted]', code: 'MY_CODE' });
    expect((cause as Error).stack).toContain('the secret [redacted]');
  });

  it('believes no code that it did not give', async () => {
    expect((await rejection(harness.call('forge'))).code).toBe('E_EXTENSION');
    expect((await rejection(harness.call('throwsText'))).code).toBe('E_EXTENSION');
    expect((await rejection(harness.call('bigint'))).code).toBe('E_EXTENSION');
    expect((await rejection(harness.call('absent'))).code).toBe('E_EXTENSION');
    expect((await rejection(harness.call('constructor'))).code).toBe('E_EXTENSION');
  });

  it.each([
    ['missing', 'E_NOT_FOUND', 'nothing there'],
    ['fetched', 'E_NET_FORBIDDEN', 'a closed address'],
    ['refused', 'E_LIMIT_RATE', 'too many at once'],
  ])('hands the error of a host call that nobody catches on: %s', async (name, code, message) => {
    const error = await rejection(harness.call(name));
    expect([error.code, error.message]).toEqual([code, message]);
  });

  it.each(Object.keys(CELL_CODES))(
    'lets no guest say %s, not even with an error of the host',
    async (code) => {
      expect((await rejection(harness.call('forgeOwn', code))).code).toBe('E_EXTENSION');
      const real = code === 'E_LIMIT_RATE' ? code : 'E_EXTENSION';
      expect((await rejection(harness.call('forgeOnReal', code))).code).toBe(real);
    },
  );

  it('keeps the words of the author in the log and out of the message', async () => {
    harness.logs.length = 0;
    const error = await rejection(harness.call('throws'));
    expect(error.code).toBe('E_EXTENSION');
    expect(error.message).not.toContain('secret');
    const [line] = harness.logs;
    expect(line).toMatchObject({ level: 'error', message: 'the secret of the author', request: REQUEST });
    expect(line?.fields.code).toBe('MY_CODE');
    expect(line?.fields.stack).toContain('acme/hello/index.js');
  });

  it.each([
    ['throws', 'Error'],
    ['throwsOwn', 'OutOfStock'],
    ['throwsTrap', 'Trap'],
    ['throwsLong', 'x'.repeat(64)],
    ['throwsText', undefined],
  ])('keeps the class of what was thrown for the log: %s', async (name, expected) => {
    harness.logs.length = 0;
    const { cause } = await rejection(harness.call(name));
    expect(harness.logs[0]?.fields.class).toBe(expected);
    expect((cause as Error).name).toBe(expected ?? 'Error');
  });

  it('offers durable state as the SDK says', async () => {
    expect(await harness.call('state')).toEqual([
      { n: 1 },
      { value: { n: 1 }, version: 7 },
      { version: 8 },
      true,
      [{ key: 'a', value: 1, version: 1 }],
      { swapped: false, version: 9 },
    ]);
  });

  it('writes structured and console lines to the log', async () => {
    harness.logs.length = 0;
    await harness.call('logs');
    expect(harness.logs).toEqual([
      { level: 'warn', message: 'careful', fields: { n: 1 }, request: REQUEST },
      { level: 'info', message: 'a {"b":2} 3', fields: {}, request: REQUEST },
    ]);
  });
});

describe('loading', () => {
  it('reports the shape and calls every kind of member', async () => {
    const code = `export default {
      start(ctx) { ctx.log.info('started ' + (ctx.request === null)); },
      health: () => ({ healthy: false, details: { why: 'test' } }),
      endpoints: { 'GET /a': () => 1 },
      hooks: { 'maggate.wrap_request': (request) => ({ ...request, b: 2 }) },
      events: { 'acme.x': (event, ctx) => { ctx.log.info(event.event_id); } },
      exports: { twice: (n, ctx) => [ctx.caller, 2 * n] },
    }`;
    await using harness = await createHarness({ code });
    expect(await harness.process.start()).toEqual({
      lifecycle: ['start'],
      health: true,
      endpoints: ['GET /a'],
      hooks: ['maggate.wrap_request'],
      events: ['acme.x'],
      exports: ['twice'],
      jobs: [],
      channels: [],
      providers: [],
      commands: [],
      formats: [],
    });
    const { process } = harness;
    expect(await process.invoke({ kind: 'lifecycle', name: 'start' }, null, LIFECYCLE)).toBeNull();
    expect(await process.invoke({ kind: 'lifecycle', name: 'stop' }, null, LIFECYCLE)).toBeNull();
    expect(await process.invoke({ kind: 'health', name: 'health' }, null, LIFECYCLE)).toMatchObject({
      healthy: false,
    });
    const hook = { kind: 'hook', name: 'maggate.wrap_request' } as const;
    expect(await process.invoke(hook, { a: 1 }, LIFECYCLE)).toEqual({ a: 1, b: 2 });
    await process.invoke({ kind: 'event', name: 'acme.x' }, { event_id: 'e1' }, LIFECYCLE);
    expect(harness.logs.map((line) => line.message)).toEqual(['started true', 'e1']);
    const twice = { kind: 'export', name: 'twice' } as const;
    const chain = ['acme/first', 'acme/second'] as const;
    expect(await process.invoke(twice, 2, { ...LIFECYCLE, chain })).toEqual(['acme/second', 4]);
    expect(await process.invoke(twice, 2, LIFECYCLE)).toEqual([null, 4]);
  });

  it('is healthy when it does not say', async () => {
    await using harness = await createHarness();
    await harness.process.start();
    const health = await harness.process.invoke({ kind: 'health', name: 'health' }, null, LIFECYCLE);
    expect(health).toEqual({ healthy: true });
  });

  it.each([
    ['a syntax error', 'export default {'],
    ['an import', 'import fs from "node:fs"; export default {}'],
    ['no default export', 'export const a = 1;'],
    ['a default export that is no object', 'export default 5;'],
    ['a handler that is no function', 'export default { endpoints: { a: 1 } };'],
    ['a module that throws', 'throw new Error("at load")'],
    ['a getter that throws', 'export default { get endpoints() { throw null } }'],
    ['a module that never finishes', 'await new Promise(() => {}); export default {};'],
  ])('refuses %s', async (_, code) => {
    await using harness = await createHarness({ code });
    expect((await rejection(harness.process.start())).code).toBe('E_EXTENSION');
  });

  it('waits for a module that awaits', async () => {
    await using harness = await createHarness({ code: 'await null; export default { health() {} };' });
    expect((await harness.process.start()).health).toBe(true);
  });

  it('takes modules longer than a frame', async () => {
    const filler = `/* "\u{1f600}${'"\u0001\u{1f600}'.repeat(400_000)} */`;
    const code = `${filler}; export default { endpoints: { tail: () => 'here' } };`;
    await using harness = await createHarness({ code });
    await harness.process.start();
    expect(await harness.call('tail')).toBe('here');
  });

  it('runs onReady before any call is let in, and undoes a start that fails in it', async () => {
    await using harness = await createHarness({
      code: 'let ready = false; export default { start() { ready = true; }, endpoints: { ready: () => ready } };',
      process: {
        onReady: async (invoke) => {
          await invoke({ kind: 'lifecycle', name: 'start' }, null, LIFECYCLE);
        },
      },
    });
    expect((await rejection(harness.call('ready'))).code).toBe('E_STATE');
    await harness.process.start();
    expect(await harness.call('ready')).toBe(true);

    await using failing = await createHarness({
      process: { onReady: () => Promise.reject(new MagError('E_HEALTH', 'no')) },
    });
    expect((await rejection(failing.process.start())).code).toBe('E_HEALTH');
    expect(failing.process.stats.pid).toBeNull();
  });
});
