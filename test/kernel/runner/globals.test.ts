import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Harness, rejection, startHarness } from '../sandbox/harness.ts';

describe('the globals of guest code', () => {
  let harness: Harness;
  /** Runs code in the sandbox; resolves with what it returns. */
  const run = (code: string) => harness.call('run', code, { cpuMs: 5_000 });

  beforeAll(async () => {
    const body = `(code, ctx) => new (async () => {}).constructor('ctx', code)(ctx)`;
    harness = await startHarness({ run: body });
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  it('cannot read the prelude off a stack trace', async () => {
    const found = await run(`
      Error.prepareStackTrace = (error, sites) => sites.map((site) => site.getFunction());
      const sites = new Error().stack;
      delete Error.prepareStackTrace;
      // Its own sloppy frame shows; none of the strict ones below may.
      return sites.filter((site) => site !== undefined && !String(site).includes('prepareStackTrace')).length;`);
    expect(found).toBe(0);
  });

  it('gets nothing from eval, Function and a dynamic import', async () => {
    expect(await run(`return typeof (0, eval)('this').process`)).toBe('undefined');
    expect(await run(`return typeof ctx.db.query.constructor('return this')().process`)).toBe('undefined');
    expect((await rejection(run(`await import('node:fs')`))).code).toBe('E_EXTENSION');
  });

  it('cannot change what crosses the wall by patching built-ins', async () => {
    await using own = await startHarness(
      {
        patch: `() => {
          JSON.stringify = () => '"forged"'; JSON.parse = () => ({}); Reflect.apply = () => 0;
          String.prototype.slice = () => 'forged'; globalThis.String = () => 'forged'; Array.prototype.push = () => 0;
          Object.keys = () => []; Object.prototype.toJSON = undefined;
        }`,
        echo: '(value) => value',
        ask: '(value, ctx) => ctx.db.query(value)',
        fail: '() => { throw new Error("x".repeat(5000)); }',
      },
      { hostCall: (_name, params) => Promise.resolve(params) },
    );
    await own.call('patch');
    expect(await own.call('echo', { a: 1 })).toEqual({ a: 1 });
    expect(await own.call('ask', 'select')).toEqual({ sql: 'select' });
    await rejection(own.call('fail'));
    expect(own.logs[0]?.message).toBe('x'.repeat(2_000));
  });

  it('has a coarse clock', async () => {
    const fractions = await run(
      `return Array.from({ length: 100 }, () => Date.now() % 1).some((rest) => rest > 0)`,
    );
    expect(fractions).toBe(false);
  });

  it('has timers', async () => {
    const seen = await run(`
      const seen = [];
      const stopped = setTimeout(() => seen.push('never'), 1);
      clearTimeout(stopped);
      setTimeout((a, b) => seen.push(a + b), 5, 'a', 'b');
      await new Promise((done) => {
        let ticks = 0;
        const timer = setInterval(() => { seen.push('tick'); if (++ticks === 2) { clearInterval(timer); setTimeout(done, 20); } }, 20);
      });
      clearTimeout(undefined); clearTimeout(99999); clearTimeout('x');
      return seen;`);
    expect(seen).toEqual(['ab', 'tick', 'tick']);
    expect((await rejection(run(`setTimeout('code', 1)`))).code).toBe('E_EXTENSION');
  });

  it('logs errors nobody can catch', async () => {
    harness.logs.length = 0;
    await run(`
      setTimeout(() => { throw new Error('of a timer') }, 0);
      queueMicrotask(() => { throw new Error('of a microtask') });
      const control = new AbortController();
      control.signal.addEventListener('abort', () => { throw new Error('of a listener') });
      control.abort();`);
    await eventually(() => harness.logs.length === 3);
    const text = harness.logs.map(({ message }) => message).join();
    for (const where of ['timer', 'microtask', 'listener']) expect(text).toContain(`of a ${where}`);
  });

  it('has AbortController', async () => {
    expect(
      await run(`
        const seen = [];
        const control = new AbortController();
        const { signal } = control;
        const removed = () => seen.push('removed');
        signal.addEventListener('abort', removed);
        signal.removeEventListener('abort', removed);
        signal.onabort = (event) => seen.push('on' + event.type);
        signal.addEventListener('abort', { handleEvent() { seen.push('object') } });
        signal.addEventListener('abort', function () { seen.push(this === signal) });
        seen.push(signal.aborted);
        control.abort(); control.abort('again');
        seen.push(signal.aborted, signal.reason.name, AbortSignal.abort(5).reason);
        try { signal.throwIfAborted() } catch (error) { seen.push(error === signal.reason) }
        try { new AbortSignal() } catch (error) { seen.push(error.name) }
        return seen;`),
    ).toEqual([false, 'onabort', 'object', true, true, 'AbortError', 5, true, 'TypeError']);
  });

  it('has random values', async () => {
    const uuids = (await run(`return Array.from({ length: 50 }, () => crypto.randomUUID())`)) as string[];
    expect(new Set(uuids).size).toBe(50);
    for (const uuid of uuids)
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const bytes = await run(`
      const into = new Uint32Array(64);
      return [crypto.getRandomValues(into) === into, new Set(into).size > 50];`);
    expect(bytes).toEqual([true, true]);
    expect((await rejection(run(`crypto.getRandomValues(new Uint8Array(65537))`))).code).toBe('E_EXTENSION');
    expect((await rejection(run(`crypto.getRandomValues(new Float64Array(1))`))).code).toBe('E_EXTENSION');
  });
});
