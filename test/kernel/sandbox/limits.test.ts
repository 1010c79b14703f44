import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAX_LOG_BYTES, MAX_LOGS_PER_SECOND } from '../../../manifests/protocol/limits.ts';
import { settledMemory } from '../../sandbox/world/host-memory.ts';
import { createHarness, endpoint, eventually, REQUEST, rejection, startHarness } from './harness.ts';

const LOOP = 'for (;;) {}';

describe('processor time', () => {
  it.each([
    ['at once', `() => { ${LOOP} }`],
    ['after an await', `async () => { await null; ${LOOP} }`],
    ['in a getter of what is thrown', `() => { throw { get message() { ${LOOP} } } }`],
    ['in toJSON of the result', `() => ({ toJSON() { ${LOOP} } })`],
    ['in a then of the result', `() => ({ then() { ${LOOP} } })`],
    ['after a host call', `async (request, ctx) => { await ctx.state.get('k'); ${LOOP} }`],
    ['in a timer', `() => new Promise(() => setTimeout(() => { ${LOOP} }, 1))`],
    [
      'in a patched built-in',
      `() => { Promise.prototype.then = Array.prototype[Symbol.iterator] = () => { ${LOOP} }; return [1] .map(() => { ${LOOP} }) }`,
    ],
    [
      'in a promise chain without end',
      `() => { const again = () => { Promise.resolve().then(again); }; again(); return new Promise(() => {}); }`,
    ],
    ['in a regular expression', `() => /^(a+)+$/.test('a'.repeat(40) + 'b')`],
  ])('stops a loop %s and is there again', async (_, loop) => {
    await using harness = await startHarness({ loop, ok: '() => 1' });
    const error = await rejection(harness.call('loop', null, { cpuMs: 100, deadlineMs: 10_000 }));
    expect(error.code).toBe('E_LIMIT_CPU');
    expect(await harness.call('ok')).toBe(1);
    expect(harness.process.stats.restarts).toBe(1);
  });

  it('stops a module that loops while it loads', async () => {
    await using harness = await createHarness({ code: LOOP, load: { cpuMs: 100 } });
    expect((await rejection(harness.process.start())).code).toBe('E_LIMIT_CPU');
  });

  it('kills a cell that a module makes deaf', async () => {
    const code = `throw { get message() { ${LOOP} } }`;
    await using harness = await createHarness({ code, load: { cpuMs: 100 } });
    expect((await rejection(harness.process.start())).code).toBe('E_LIMIT_CPU');
  });

  it('ends a cell whose work after the answer never stops, though it is short each time', async () => {
    const burn = `() => { setInterval(() => { const until = Date.now() + 20; while (Date.now() < until); }, 1); }`;
    await using harness = await startHarness({ burn, ok: '() => 1' });
    await harness.call('burn', null, { cpuMs: 200 });
    await eventually(() => harness.deaths.length > 0);
    expect(harness.deaths[0]?.code).toBe('E_LIMIT_CPU');
    expect(await harness.call('ok')).toBe(1);
  });

  it('lets work after the answer go on that takes little', async () => {
    const tick = `(request, ctx) => { let n = 0; setInterval(() => { if (++n === 100) ctx.log.info('still here'); }, 5); }`;
    await using harness = await startHarness({ tick });
    await harness.call('tick');
    await eventually(() => harness.logs.length > 0);
    expect(harness.deaths).toEqual([]);
  });

  it('sums up the slices of a call', async () => {
    const burn = `async (request, ctx) => {
      for (;;) { const until = Date.now() + 20; while (Date.now() < until); await ctx.state.get('k'); }
    }`;
    await using harness = await startHarness({ burn });
    expect((await rejection(harness.call('burn', null, { cpuMs: 150 }))).code).toBe('E_LIMIT_CPU');
  });

  it('leaves a neighbour in another cell alone', async () => {
    await using looping = await startHarness({ loop: `() => { ${LOOP} }` });
    await using neighbour = await startHarness({ ok: '() => 1' });
    const loop = rejection(looping.call('loop', null, { cpuMs: 3_000, deadlineMs: 800 }));
    expect(await neighbour.call('ok')).toBe(1);
    expect((await loop).code).toBe('E_LIMIT_WALL');
    expect(neighbour.process.stats.restarts).toBe(0);
    // The guest that does not come back after its deadline is killed, and started again.
    await eventually(() => looping.deaths.length === 1);
    expect(looping.deaths[0]?.code).toBe('E_LIMIT_CPU');
  });
});

describe('memory', () => {
  it.each([
    ['arrays', 'const a = []; for (;;) a.push(new Array(1e5).fill(1));'],
    ['a map', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, {});'],
    ['texts', 'const a = []; for (let i = 0; ; i++) a.push(("x".repeat(1e6) + i).split("").join("y"));'],
    ['what natives make', 'const a = []; for (;;) a.push(new Array(3e7).fill(1.5));'],
  ])('ends an extension that fills it with %s', async (_, code) => {
    await using harness = await startHarness({ bomb: `() => { ${code} }`, ok: '() => 1' });
    const error = await rejection(harness.call('bomb', null, { cpuMs: 30_000, deadlineMs: 30_000 }));
    expect(error.code).toBe('E_LIMIT_MEMORY');
    expect(await harness.call('ok')).toBe(1);
  });

  it('leaves the host with the memory and the processes it had', async () => {
    const [bomb, waits] = ['const a = []; for (;;) a.push(new Array(1e5).fill(1));', 'new Promise(() => {})'];
    const payload = 'x'.repeat(900_000);
    const attack = async () => {
      await using harness = await startHarness({ bomb: `() => { ${bomb} }`, waits: `() => ${waits}` });
      const limits = { cpuMs: 30_000, deadlineMs: 30_000 };
      const calls = ['waits', 'waits', 'bomb'].map((name) => rejection(harness.call(name, payload, limits)));
      for (const { code } of await Promise.all(calls)) expect(code).toBe('E_LIMIT_MEMORY');
    };
    await attack(); // what is made once is made
    const [{ living }, processes] = [await settledMemory(), childProcesses()];
    for (let round = 0; round < 5; round += 1) await attack();
    // Tests before this one may have left something that ends, or is let go of, in a moment.
    await expect
      .poll(() => childProcesses().filter((process) => !processes.includes(process)), { timeout: 20_000 })
      .toEqual([]);
    // Each attack handed in more than 2.5 MB, and filled far more than that.
    await expect
      .poll(async () => (await settledMemory()).living - living, { timeout: 20_000 })
      .toBeLessThan(5);
  });
});

/** As Linux counts them; nowhere else. */
function childProcesses(): string[] {
  const tasks = process.platform === 'linux' ? readdirSync('/proc/self/task') : [];
  return tasks
    .flatMap((task) => childrenOf(task).split(' '))
    .filter((pid) => pid !== '')
    .sort();
}

function childrenOf(task: string): string {
  try {
    return readFileSync(`/proc/self/task/${task}/children`, 'utf8');
  } catch {
    return ''; // a thread that ended meanwhile
  }
}

describe('sizes', () => {
  it('refuses a result, a payload, and parameters that are too large', async () => {
    await using harness = await startHarness({
      large: `() => 'x'.repeat(1_000_001)`,
      wide: `() => 'ü'.repeat(600_000)`,
      escaped: `() => '"'.repeat(400_000)`,
      ask: `async (request, ctx) => { try { await ctx.state.set('k', 'x'.repeat(1_000_001)); } catch (error) { return error.code; } }`,
      fits: `(text) => text`,
    });
    for (const name of ['large', 'wide', 'escaped']) {
      expect((await rejection(harness.call(name))).code).toBe('E_LIMIT_OUTPUT');
    }
    expect((await rejection(harness.call('fits', 'x'.repeat(1_000_000)))).code).toBe('E_LIMIT_OUTPUT');
    expect(await harness.call('ask')).toBe('E_LIMIT_OUTPUT');
    const text = 'x'.repeat(900_000);
    expect(await harness.call('fits', text)).toBe(text);
    expect(harness.process.stats.restarts).toBe(0);
  });

  it('tells the guest when an answer of the host is too large', async () => {
    await using harness = await startHarness(
      { ask: `async (request, ctx) => { await ctx.db.query('select 1'); }` },
      { hostCall: () => Promise.resolve(JSON.stringify('x'.repeat(1_000_001))) },
    );
    expect((await rejection(harness.call('ask'))).code).toBe('E_LIMIT_OUTPUT');
  });

  it('cuts log lines and drops those beyond the rate, and says so', async () => {
    await using harness = await startHarness({
      long: `(request, ctx) => { ctx.log.info('ü'.repeat(100_000), { a: 'y'.repeat(100_000) }); }`,
      many: `(request, ctx) => { for (let i = 0; i < 500; i++) ctx.log.info('line'); }`,
    });
    await harness.call('long');
    const [line] = harness.logs;
    expect(Buffer.byteLength(line?.message ?? '')).toBeLessThanOrEqual(MAX_LOG_BYTES);
    expect(line?.fields).toEqual({ truncated: true });
    await harness.call('many');
    const passed = harness.logs.filter(({ message }) => message === 'line').length;
    expect(passed).toBeLessThanOrEqual(MAX_LOGS_PER_SECOND);
    await eventually(() => harness.logs.some(({ fields }) => fields.dropped === 500 - passed));
  });

  it('refuses what is nested too deep or has too many members, both ways', async () => {
    await using harness = await startHarness({
      deep: `() => { let value = 1; for (let i = 0; i < 300; i++) value = [value]; return value; }`,
      wide: `() => Array.from({ length: 45_000 }, () => ({ a: 1 }))`,
      ask: `async (wide, ctx) => {
        let deep = 1; for (let i = 0; i < 300; i++) deep = [deep];
        const value = wide ? Array.from({ length: 45_000 }, () => ({ a: 1 })) : deep;
        try { await ctx.state.set('k', value); } catch (error) { return error.code; }
      }`,
    });
    expect((await rejection(harness.call('deep'))).code).toBe('E_EXTENSION');
    expect((await rejection(harness.call('wide'))).code).toBe('E_LIMIT_OUTPUT');
    expect(await harness.call('ask', false)).toBe('E_PARAMS');
    expect(await harness.call('ask', true)).toBe('E_LIMIT_OUTPUT');
    expect(harness.process.stats.restarts).toBe(0);
  });

  it('caps the text of errors', async () => {
    await using harness = await startHarness({ fail: `() => { throw new Error('x'.repeat(100_000)); }` });
    expect((await rejection(harness.call('fail'))).code).toBe('E_EXTENSION');
    expect(harness.logs[0]?.message).toHaveLength(2_000);
  });
});

describe('rates', () => {
  it('limits host calls in a second', async () => {
    const ask = `async (count, ctx) => { for (let i = 0; i < count; i++) await ctx.state.get('k'); }`;
    await using harness = await startHarness({ ask }, { process: { hostCallsPerSecond: 5 } });
    expect((await rejection(harness.call('ask', 11))).code).toBe('E_LIMIT_RATE');
    const { restarts, refused, hostCalls } = harness.process.stats;
    expect([restarts, refused.E_LIMIT_RATE]).toEqual([0, 1]);
    expect(hostCalls).toBeGreaterThan(5);
  });

  it('slows down a guest that asks again after every refusal', async () => {
    let answered = 0;
    const insist = `async (request, ctx) => {
      for (let i = 0; i < 150; i++) await ctx.state.get('k').catch(() => {});
      return 'done';
    }`;
    await using harness = await startHarness(
      { insist },
      {
        process: { hostCallsPerSecond: 1 },
        hostCall: () => {
          answered++;
          return Promise.resolve('null');
        },
      },
    );
    expect(await harness.call('insist')).toBe('done');
    // A hundred refusals in a second are answered at once; the others waited for the next second to begin.
    expect(answered).toBeGreaterThan(1);
  });

  it('counts what it dropped and refused', async () => {
    await using harness = await startHarness({
      chatty: `(request, ctx) => { for (let i = 0; i < 500; i++) ctx.log.info('line'); }`,
      large: `() => 'x'.repeat(1_000_001)`,
      slow: `() => new Promise(() => {})`,
    });
    await harness.call('chatty');
    await rejection(harness.call('large'));
    await rejection(harness.call('slow', null, { deadlineMs: 50 }));
    await eventually(() => harness.process.stats.droppedLogs >= 200);
    expect(harness.process.stats.refused).toEqual({ E_LIMIT_OUTPUT: 1, E_LIMIT_WALL: 1 });
  });

  it('limits host calls at once', async () => {
    const open: (() => void)[] = [];
    const hostCall = () => new Promise<string>((resolve) => open.push(() => resolve('null')));
    const ask = `async (count, ctx) => {
      const all = Array.from({ length: count }, () => ctx.state.get('k').catch((error) => error.code));
      const refused = await Promise.race(all);
      ctx.log.info('refused');
      return [refused, (await Promise.all(all)).filter((code) => code === 'E_LIMIT_RATE').length];
    }`;
    await using harness = await startHarness({ ask }, { hostCall });
    const answer = harness.call('ask', 70);
    await eventually(() => harness.logs.length > 0 && open.length === 64);
    for (const finish of open) finish();
    expect(await answer).toEqual(['E_LIMIT_RATE', 6]);
  });

  it('limits open timers', async () => {
    await using harness = await startHarness({
      timers: `() => { let n = 0; try { for (;;) { setTimeout(() => {}, 1e6); n++; } } catch (error) { return [n, error.code]; } }`,
    });
    expect(await harness.call('timers')).toEqual([1_000, 'E_LIMIT_RATE']);
  });
});

describe('deadlines and cancellation', () => {
  const never = `async (request, ctx) => {
    ctx.signal.addEventListener('abort', () => ctx.log.info('aborted ' + ctx.signal.reason.code));
    ctx.log.info('waiting');
    await new Promise(() => {});
  }`;

  it('gives up at the deadline and tells the guest', async () => {
    await using harness = await startHarness({ never, ok: '() => 1' });
    expect((await rejection(harness.call('never', null, { deadlineMs: 100 }))).code).toBe('E_LIMIT_WALL');
    await eventually(() => harness.logs.length === 2);
    expect(harness.logs[1]?.message).toBe('aborted E_LIMIT_WALL');
    expect(await harness.call('ok')).toBe(1);
    // It could still be talked to: no reason to kill it.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(harness.deaths).toEqual([]);
  });

  it('ends a call and its host calls when the caller aborts', async () => {
    const seen: AbortSignal[] = [];
    const ask = `async (request, ctx) => { await ctx.state.get('k'); }`;
    await using harness = await startHarness(
      { ask },
      {
        hostCall: (_name, _params, { signal }) => {
          seen.push(signal);
          return new Promise(() => undefined);
        },
      },
    );
    const caller = new AbortController();
    const call = rejection(harness.call('ask', null, { signal: caller.signal }));
    await eventually(() => seen.length === 1);
    caller.abort();
    expect((await call).code).toBe('E_LIMIT_WALL');
    expect(seen[0]?.aborted).toBe(true);
    const late = rejection(harness.call('ask', null, { signal: caller.signal }));
    expect((await late).code).toBe('E_LIMIT_WALL');
  });

  it('refuses host calls of a call that is over, but not those of what start() left running', async () => {
    const requests: unknown[] = [];
    const code = `let keep; export default {
      start(ctx) { setInterval(() => ctx.state.get('background').catch(() => {}), 20); },
      endpoints: {
        leak: (request, ctx) => { keep = ctx; },
        use: async () => { try { await keep.state.get('leaked'); } catch (error) { return error.code; } },
      },
    }`;
    await using harness = await createHarness({
      code,
      hostCall: (_name, params, { request }) => {
        requests.push([JSON.parse(params).key, request]);
        return Promise.resolve('null');
      },
    });
    await harness.process.start();
    const options = { request: null, deadlineMs: 5_000, cpuMs: 500 };
    await harness.process.invoke({ kind: 'lifecycle', name: 'start' }, null, options);
    await harness.call('leak');
    expect(await harness.process.invoke(endpoint('use'), null, { ...options, request: REQUEST })).toBe(
      'E_LIMIT_WALL',
    );
    await eventually(() => requests.length > 1);
    expect(requests.every((entry) => JSON.stringify(entry) === '["background",null]')).toBe(true);
  });
});
