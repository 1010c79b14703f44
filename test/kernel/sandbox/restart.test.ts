import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bundleRunner } from '../../../host/build/bundle-runner.ts';
import { BUILD_DIR } from '../../../host/paths.ts';
import { MagError } from '../../../kernel/errors.ts';
import { createSandbox } from '../../../kernel/sandbox/index.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { createHarness, eventually, type Harness, isAlive, rejection, startHarness } from './harness.ts';

const NEVER = `(request, ctx) => { ctx.log.info('in'); return new Promise(() => {}); }`;

/** Far above what it takes: machines that run tests are busy. */
const BACK_MS = 15_000;

function pidOf(harness: Harness): number {
  const { pid } = harness.process.stats;
  if (pid === null) throw new Error('no process');
  return pid;
}

describe('a cell that dies', () => {
  it('loses its calls, and the next one is answered by a new process', async () => {
    await using harness = await startHarness({ never: NEVER, ok: '() => 1' });
    const before = pidOf(harness);
    const lost = rejection(harness.call('never'));
    await eventually(() => harness.logs.length === 1);
    process.kill(before, 'SIGKILL');
    expect((await lost).code).toBe('E_CELL_LOST');
    expect(await harness.call('ok')).toBe(1);
    expect(pidOf(harness)).not.toBe(before);
    expect(harness.deaths.map(({ code }) => code)).toEqual(['E_CELL_LOST']);
  });

  it.each([
    ['killed from outside', null],
    ['over its memory', 'hog'],
    ['over its processor time', 'loop'],
    ['deaf in what nothing interrupts', 'deaf'],
  ])('is back soon when it was %s', async (_, attack) => {
    await using harness = await startHarness({
      ok: '() => 1',
      hog: '() => { const all = []; for (;;) all.push(new Array(100_000).fill(1)); }',
      loop: '() => { for (;;) {} }',
      deaf: '() => { const text = "x".repeat(2 ** 29 - 24); for (;;) text.normalize("NFD"); }',
    });
    const before = pidOf(harness);
    if (attack === null) process.kill(before, 'SIGKILL');
    else await rejection(harness.call(attack, null, { cpuMs: 300 }));
    const since = performance.now();
    expect(await harness.call('ok')).toBe(1);
    const backMs = Math.round(performance.now() - since);
    console.info(`back after ${backMs} ms`);
    expect(pidOf(harness)).not.toBe(before);
    expect(backMs).toBeLessThan(BACK_MS);
  });

  it('makes a call again that arrived when the cell was ending already', async () => {
    await using harness = await startHarness({ loop: '() => { for (;;) {} }', ok: '() => 1' });
    const [loop, ok] = await Promise.allSettled([
      harness.call('loop', null, { cpuMs: 100 }),
      new Promise((resolve) => setTimeout(resolve, 20)).then(() => harness.call('ok')),
    ]);
    expect(loop.status).toBe('rejected');
    expect(ok).toEqual({ status: 'fulfilled', value: 1 });
  });

  it('runs onReady after every start', async () => {
    let ready = 0;
    await using harness = await startHarness(
      { ok: '() => 1' },
      {
        process: {
          onReady: async () => {
            ready++;
          },
        },
      },
    );
    process.kill(pidOf(harness), 'SIGKILL');
    await eventually(() => ready === 2);
    expect(await harness.call('ok')).toBe(1);
  });

  it('is given up when it dies too often', async () => {
    let starts = 0;
    await using harness = await startHarness(
      { ok: '() => 1' },
      {
        process: {
          onReady: () =>
            starts++ === 0 ? Promise.resolve() : Promise.reject(new MagError('E_HEALTH', 'no')),
        },
      },
    );
    process.kill(pidOf(harness), 'SIGKILL');
    await eventually(() => harness.deaths.length === 1);
    // Arrives while it is being started again, and waits for the outcome.
    const waiting = rejection(harness.call('ok'));
    expect((await harness.givenUp).code).toBe('E_HEALTH');
    expect((await waiting).code).toBe('E_CELL_LOST');
    expect(starts).toBe(5);
    expect((await rejection(harness.call('ok'))).code).toBe('E_CELL_LOST');
  });

  it('does not let a call wait longer than its deadline for a restart', async () => {
    let starts = 0;
    await using harness = await startHarness(
      { ok: '() => 1' },
      { process: { onReady: () => (starts++ === 0 ? Promise.resolve() : new Promise(() => undefined)) } },
    );
    process.kill(pidOf(harness), 'SIGKILL');
    await eventually(() => starts === 2);
    expect((await rejection(harness.call('ok', null, { deadlineMs: 50 }))).code).toBe('E_LIMIT_WALL');
  });
});

describe('ending', () => {
  it('kill fails calls in flight and later ones with its error, for good', async () => {
    await using harness = await startHarness({ never: NEVER });
    const pid = pidOf(harness);
    const call = rejection(harness.call('never'));
    await eventually(() => harness.logs.length === 1);
    harness.process.kill(new MagError('E_CAP_UNDECLARED', 'not declared'));
    harness.process.kill(new MagError('E_SHUTDOWN', 'the first one counts'));
    expect((await call).code).toBe('E_CAP_UNDECLARED');
    expect((await rejection(harness.call('never'))).code).toBe('E_CAP_UNDECLARED');
    await eventually(() => !isAlive(pid));
    expect((await rejection(harness.process.start())).code).toBe('E_CAP_UNDECLARED');
    expect(harness.deaths).toEqual([]);
  });

  it('kill from inside a host call ends the call that made it', async () => {
    const box: { harness?: Harness } = {};
    await using harness = await startHarness(
      { ask: `async (request, ctx) => { try { await ctx.db.query('x'); } catch {} return 'still here'; }` },
      {
        hostCall: async () => {
          const error = new MagError('E_CAP_UNDECLARED', 'not declared');
          box.harness?.process.kill(error);
          throw error;
        },
      },
    );
    box.harness = harness;
    expect((await rejection(harness.call('ask'))).code).toBe('E_CAP_UNDECLARED');
  });

  it('stop lets running calls end, and takes no new ones', async () => {
    const wait = `async (ms, ctx) => { ctx.log.info('in'); await new Promise((done) => setTimeout(done, ms)); return 'done'; }`;
    await using harness = await startHarness({ wait });
    const pid = pidOf(harness);
    const call = harness.call('wait', 200);
    await eventually(() => harness.logs.length === 1);
    const stopped = Promise.all([harness.process.stop(10_000), harness.process.stop(10_000)]);
    expect((await rejection(harness.call('wait', 0))).code).toBe('E_NOT_ENABLED');
    expect(await call).toBe('done');
    await stopped;
    expect(isAlive(pid)).toBe(false);
  });

  it('stop does not wait for ever', async () => {
    await using harness = await startHarness({ never: NEVER });
    const call = rejection(harness.call('never'));
    await eventually(() => harness.logs.length === 1);
    await harness.process.stop(50);
    expect((await call).code).toBe('E_NOT_ENABLED');
  });

  it('no process outlives the sandbox', async () => {
    const harness = await startHarness({ loop: '() => { for (;;) {} }', never: NEVER });
    const pid = pidOf(harness);
    const calls = [
      rejection(harness.call('never')),
      rejection(harness.call('loop', null, { cpuMs: 10_000 })),
    ];
    await harness.sandbox[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(false);
    for (const call of calls) expect((await call).code).toBe('E_SHUTDOWN');
    const late = await createHarness();
    await late.sandbox[Symbol.asyncDispose]();
    expect((await rejection(late.process.start())).code).toBe('E_SHUTDOWN');
  });
});

describe('the jail', () => {
  it('passes its own check', async () => {
    // A jail that is named is looked at each time.
    await using sandbox = createSandbox({
      runnerPath: await bundleRunner(BUILD_DIR),
      logger: silentLogger,
      jail: {},
    });
    await expect(sandbox.check()).resolves.toBeUndefined();
  });

  it('says what is missing', async () => {
    await using harness = await createHarness({ runnerPath: '/nowhere/runner.mjs' });
    expect((await rejection(harness.sandbox.check())).code).toBe('E_CONFIG');
  });

  it('gives a cell an empty environment and a user of its own', async () => {
    await using one = await startHarness({ ok: '() => 1' });
    await using other = await startHarness({ ok: '() => 1' });
    const uid = (harness: Harness) =>
      /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pidOf(harness)}/status`, 'utf8'))?.[1];
    expect(readFileSync(`/proc/${pidOf(one)}/environ`, 'utf8')).toBe('');
    if (existsSync('/usr/bin/setpriv')) {
      expect(readFileSync(`/proc/${pidOf(one)}/status`, 'utf8')).toMatch(/^NoNewPrivs:\s+1$/m);
    }
    if (process.getuid?.() !== 0) return;
    expect(Number(uid(one))).toBeGreaterThanOrEqual(200_000);
    expect(uid(one)).not.toBe(uid(other));
  });

  it('runs without a just-in-time compiler', async () => {
    await using harness = await startHarness(
      { wasm: '() => typeof WebAssembly' },
      { process: { jit: false } },
    );
    expect(await harness.call('wasm')).toBe('undefined');
    expect(readFileSync(`/proc/${pidOf(harness)}/cmdline`, 'utf8')).toContain('--jitless');
  });
});
