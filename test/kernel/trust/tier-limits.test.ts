import { describe, expect, it } from 'vitest';
import { effectiveLimits } from '../../../kernel/trust/tier-limits.ts';

const MOST = {
  cpuMs: 30_000,
  wallMs: 60_000,
  memoryMb: 1_024,
  hostCallsPerSecond: 100_000,
  egressKbPerMinute: 1_048_576,
};
const LEAST = { cpuMs: 1, wallMs: 1, memoryMb: 8, hostCallsPerSecond: 1, egressKbPerMinute: 0 };

describe('the limits of a tier', () => {
  it.each([
    ['first-party', MOST],
    [
      'verified',
      { cpuMs: 2_000, wallMs: 30_000, memoryMb: 256, hostCallsPerSecond: 5_000, egressKbPerMinute: 102_400 },
    ],
    [
      'community',
      { cpuMs: 500, wallMs: 10_000, memoryMb: 128, hostCallsPerSecond: 500, egressKbPerMinute: 10_240 },
    ],
  ])('%s gets at most this', (tier, most) => {
    expect(effectiveLimits(MOST, tier)).toEqual(most);
    expect(effectiveLimits(LEAST, tier)).toEqual(LEAST);
  });

  it.each(['', 'unheard-of', 'constructor', '__proto__'])('a tier "%s" gets the least', (tier) => {
    expect(effectiveLimits(MOST, tier)).toEqual(effectiveLimits(MOST, 'community'));
  });
});
