import { describe, expect, it } from 'vitest';
import { Verdict } from '../../../kernel/lifecycle/verdict.ts';
import type { Code } from '../../../manifests/catalog/index.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe('the verdict on its checks', () => {
  const judged = (...checks: boolean[]) => {
    const verdict = new Verdict();
    for (const healthy of checks) verdict.checked(healthy);
    return verdict.failing?.code;
  };

  it('is that it goes on while one of the last three was good', () => {
    expect(judged()).toBeUndefined();
    expect(judged(false, false)).toBeUndefined();
    expect(judged(false, false, true, false, false)).toBeUndefined();
    expect(judged(false, false, false, true)).toBeUndefined();
  });

  it('is that it ends at the third failure in a row', () => {
    expect(judged(true, false, false, false)).toBe('E_HEALTH');
  });
});

describe('the verdict on its calls', () => {
  /** What was counted since it runs, at seconds of a clock. */
  const judged = (...counts: [atS: number, calls: number, errors: number][]) => {
    const verdict = new Verdict();
    for (const [atS, calls, errors] of counts) verdict.counted({ calls, errors }, atS * SECOND);
    return verdict.failing?.message;
  };

  it('is that it ends when more than half of at least twenty failed', () => {
    expect(judged([1, 20, 11])).toBe('11 of 20 calls within a minute failed');
    expect(judged([1, 20, 10])).toBeUndefined();
    expect(judged([1, 19, 19])).toBeUndefined();
  });

  it('looks at the last minute only, however far checks are apart', () => {
    const good = [300, 1_000, 0] as const;
    expect(judged([...good], [301, 1_000, 0], [330, 1_015, 15], [360, 1_030, 30])).toBe(
      '30 of 30 calls within a minute failed',
    );
    expect(judged([10, 40, 40], [30, 45, 40], [70, 60, 40], [100, 70, 40])).toBeUndefined();
  });

  it('forgets what failed long ago', () => {
    expect(judged([10, 100, 100])).toBeDefined();
    expect(judged([10, 100, 100], [69, 100, 100])).toBeDefined();
    expect(judged([10, 100, 100], [71, 100, 100], [72, 100, 100])).toBeUndefined();
  });
});

describe('the verdict on its budgets', () => {
  const judged = (nowMs: number, ...breaks: [code: Code, atMs: number][]) => {
    const verdict = new Verdict();
    for (const [code, atMs] of breaks) verdict.broke(code, atMs);
    return verdict.overBudget(nowMs);
  };

  it('is that it ends at the fifth that it broke within ten minutes, of whatever kind', () => {
    const four: [Code, number][] = [
      ['E_LIMIT_CPU', 0],
      ['E_LIMIT_WALL', 1],
      ['E_LIMIT_WALL', 2],
      ['E_LIMIT_WALL', 3],
    ];
    expect(judged(4, ...four)).toBeNull();
    const reason = judged(4, ...four, ['E_LIMIT_MEMORY', 4]);
    expect(reason?.code).toBe('E_LIMIT_MEMORY');
    expect(reason?.message).toBe(
      '5 broken budgets within ten minutes: 1 of E_LIMIT_CPU, 3 of E_LIMIT_WALL, 1 of E_LIMIT_MEMORY',
    );
  });

  it('forgets those of more than ten minutes ago', () => {
    const breaks = [0, 1, 2, 3, 4].map((minute): [Code, number] => ['E_LIMIT_WALL', minute * MINUTE]);
    expect(judged(10 * MINUTE - 1, ...breaks)?.code).toBe('E_LIMIT_WALL');
    expect(judged(10 * MINUTE, ...breaks)).toBeNull();
  });

  it('makes nothing of what is refused with an answer, or fails', () => {
    const verdict = new Verdict();
    for (const code of ['E_LIMIT_RATE', 'E_LIMIT_EGRESS', 'E_LIMIT_OUTPUT', 'E_CELL_LOST'] as const) {
      expect(verdict.broke(code, 0)).toBe(false);
      for (let i = 0; i < 10; i += 1) verdict.broke(code, 0);
    }
    expect(verdict.overBudget(0)).toBeNull();
  });
});
