import { describe, expect, it } from 'vitest';
import type { MagError } from '../../../kernel/errors.ts';
import { eventually, rejection, startHarness } from './harness.ts';

/** A process that notes the budgets broken in it. */
async function watched(endpoints: Record<string, string>) {
  const broken: string[] = [];
  const harness = await startHarness(endpoints, {
    process: { onOverBudget: ({ code }: MagError) => broken.push(code) },
  });
  return { harness, broken };
}

const NEVER = '() => new Promise(() => {})';
/** Longer than it takes until a broken budget is counted, or not. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 1_500));

describe('a broken budget', () => {
  it('is told of once for every call that is late while the cell goes on', async () => {
    const { harness, broken } = await watched({ never: NEVER, ok: '() => 1' });
    await using _ = harness;
    for (let i = 0; i < 2; i += 1) {
      expect((await rejection(harness.call('never', null, { deadlineMs: 100 }))).code).toBe('E_LIMIT_WALL');
    }
    await eventually(() => broken.length === 2);
    expect(broken).toEqual(['E_LIMIT_WALL', 'E_LIMIT_WALL']);
    expect(harness.deaths).toEqual([]);
    expect(await harness.call('ok')).toBe(1);
  });

  it('is the death of the cell where it ends it, and not both', async () => {
    const { harness, broken } = await watched({ loop: '() => { for (;;) {} }' });
    await using _ = harness;
    expect((await rejection(harness.call('loop', null, { cpuMs: 100 }))).code).toBe('E_LIMIT_CPU');
    await eventually(() => harness.deaths.length === 1);
    await settled();
    expect(harness.deaths.map(({ code }) => code)).toEqual(['E_LIMIT_CPU']);
    expect(broken).toEqual([]);
  });

  it('is the death of a cell that does not react in time either', async () => {
    const { harness, broken } = await watched({ loop: '() => { for (;;) {} }' });
    await using _ = harness;
    const late = await rejection(harness.call('loop', null, { cpuMs: 5_000, deadlineMs: 200 }));
    expect(late.code).toBe('E_LIMIT_WALL');
    await eventually(() => harness.deaths.length === 1);
    await settled();
    expect(broken).toEqual([]);
  });

  it('is none when the caller gave up, or others took the time', async () => {
    const { harness, broken } = await watched({ never: NEVER });
    await using _ = harness;
    const signal = AbortSignal.timeout(50);
    await rejection(harness.call('never', null, { signal }));
    await rejection(harness.call('never', null, { deadlineMs: 50, isCutShort: true }));
    await settled();
    expect(broken).toEqual([]);
  });

  it('is one of the processor too when the slices of a call add up to more', async () => {
    const busy = 'const until = Date.now() + 30; while (Date.now() < until) {}';
    const sliced = `async () => { for (let i = 0; i < 500; i++) { ${busy} await new Promise((r) => setTimeout(r, 1)); } }`;
    const { harness, broken } = await watched({ sliced, ok: '() => 1' });
    await using _ = harness;
    expect((await rejection(harness.call('sliced', null, { cpuMs: 100 }))).code).toBe('E_LIMIT_CPU');
    await eventually(() => broken.length + harness.deaths.length === 1);
    await settled();
    expect(broken.length + harness.deaths.length).toBe(1);
    expect(await harness.call('ok')).toBe(1);
  });
});

describe('what an extension costs the host', () => {
  it('grows with what it makes the host read, write and answer', async () => {
    await using harness = await startHarness({ quiet: '() => 1', loud: `() => 'x'.repeat(500_000)` });
    const spent = async (name: string) => {
      const before = harness.process.stats.hostMs;
      for (let i = 0; i < 20; i += 1) await harness.call(name);
      return harness.process.stats.hostMs - before;
    };
    await spent('quiet');
    const [quiet, loud] = [await spent('quiet'), await spent('loud')];
    expect(quiet).toBeGreaterThan(0);
    expect(loud).toBeGreaterThan(quiet);
  });

  it('counts answers that are errors by their own words', async () => {
    await using harness = await startHarness({ ok: '() => 1' });
    await harness.call('ok');
    harness.process.countError();
    expect(harness.process.stats).toMatchObject({ calls: 1, errors: 1 });
  });
});
