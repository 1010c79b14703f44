import { describe, expect, it } from 'vitest';
import { Recycling } from '../../../kernel/sandbox/recycling.ts';
import { endpoint, eventually, isAlive, REQUEST, startHarness } from './harness.ts';

const OPTIONS = { request: REQUEST, deadlineMs: 20_000, cpuMs: 2_000 };

describe('a cell that has answered many calls', () => {
  it('is replaced under load without a failed call, and ready before it is called', async () => {
    const log: string[] = [];
    await using harness = await startHarness(
      { n: `async (n, ctx) => { await ctx.state.get('k'); return n; }` },
      {
        process: {
          recycleAfterCalls: 50,
          onReady: async () => void log.push('init'),
          onRetire: async () => void log.push('stop'),
        },
      },
    );
    const pids = new Set<number>();
    let next = 0;
    const caller = async () => {
      while (next < 3_000 || harness.process.stats.recycled < 3) {
        const n = next++;
        expect(await harness.process.invoke(endpoint('n'), n, OPTIONS)).toBe(n);
        const { pid } = harness.process.stats;
        if (pid !== null) pids.add(pid);
      }
    };
    await Promise.all(Array.from({ length: 20 }, caller));
    const { recycled, restarts, errors, calls } = harness.process.stats;
    expect(recycled).toBeGreaterThanOrEqual(3);
    expect({ restarts, errors, calls }).toEqual({ restarts: 0, errors: 0, calls: next });
    // All but the last one were told to stop, and are gone.
    await eventually(() => log.filter((entry) => entry === 'stop').length >= recycled);
    expect(log.filter((entry) => entry === 'init').length).toBeGreaterThanOrEqual(recycled + 1);
    await eventually(() => [...pids].filter(isAlive).length <= 1);
    expect(harness.deaths).toEqual([]);
  });

  it('goes on when the next one cannot be started', async () => {
    let starts = 0;
    await using harness = await startHarness(
      { ok: '() => 1' },
      {
        process: {
          recycleAfterCalls: 1,
          onReady: () => (starts++ === 0 ? Promise.resolve() : Promise.reject(new Error('not again'))),
        },
      },
    );
    const { pid } = harness.process.stats;
    await harness.call('ok');
    await harness.call('ok');
    await eventually(() => starts > 1);
    expect(await harness.call('ok')).toBe(1);
    expect(harness.process.stats).toMatchObject({ pid, recycled: 0, restarts: 0 });
  });
});

describe('a cell whose memory only grows', () => {
  const MB = 1_048_576;

  /** Whether it is worn at some time of these heartbeats, in megabytes each. */
  const isWorn = (heaps: readonly number[]) => {
    const recycling = new Recycling(100, 1, () => 0);
    return heaps.some((heap) => recycling.isWorn({ calls: 0, beat: { heapBytes: heap * MB } }));
  };
  /** Eight heartbeats with a collection in the middle that leaves this much. */
  const window = (least: number) => [least + 5, least + 8, least + 9, least, least + 2, 99, 99, 99];

  it('is worn when three times in a row more is left of it than before', () => {
    expect(isWorn([81, 83, 85].flatMap(window))).toBe(true);
  });

  it('is not worn while there is room, or while collections make some', () => {
    expect(isWorn([50, 60, 70, 75, 78].flatMap(window))).toBe(false);
    expect(isWorn([85, 84, 85, 83, 85, 82].flatMap(window))).toBe(false);
    expect(isWorn([81, 83].flatMap(window))).toBe(false);
  });

  it('is replaced for that once in a while only', () => {
    let now = 0;
    const recycling = new Recycling(100, 1, () => now);
    const worn = () => {
      recycling.reset();
      return [81, 83, 85]
        .flatMap(window)
        .some((heap) => recycling.isWorn({ calls: 0, beat: { heapBytes: heap * MB } }));
    };
    expect([worn(), worn()]).toEqual([true, false]);
    now = 60_000;
    expect(worn()).toBe(true);
  });
});
