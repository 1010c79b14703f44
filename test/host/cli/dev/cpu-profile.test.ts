import { expect, it } from 'vitest';
import { type CpuProfile, selfTimes, withIdle, withoutFirst } from '../../../../host/cli/dev/cpu-profile.ts';

const frame = (functionName: string) => ({
  functionName,
  scriptId: '1',
  url: 'acme/hello/index.js',
  lineNumber: 4,
  columnNumber: 0,
});

/** `work` runs for 2 ms, nothing for 100 ms, `other` for 1 ms. */
const PROFILE: CpuProfile = {
  startTime: 1_000,
  endTime: 105_000,
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3] },
    { id: 2, callFrame: frame('work') },
    { id: 3, callFrame: frame('other') },
  ],
  samples: [2, 2, 2, 3],
  timeDeltas: [1_000, 1_000, 500, 100_500],
};

it('does not count waiting as the time of what ran before it', () => {
  const filled = withIdle(PROFILE, 500);
  expect(filled.samples).toEqual([2, 2, 2, 4, 3]);
  expect(filled.timeDeltas).toEqual([1_000, 1_000, 500, 500, 100_000]);
  expect(filled.nodes[0]?.children).toContain(4);
  expect(selfTimes(filled)).toEqual([
    { name: 'work', url: 'acme/hello/index.js', line: 5, selfMs: 2 },
    { name: 'other', url: 'acme/hello/index.js', line: 5, selfMs: 1 },
  ]);
});

it('leaves out what was before', () => {
  const rest = withoutFirst(PROFILE, 1_500);
  expect(rest).toMatchObject({ startTime: 2_500, samples: [2, 2, 3], timeDeltas: [500, 500, 100_500] });
  expect(withoutFirst(PROFILE, 1e9)).toMatchObject({ startTime: 105_000, samples: [], timeDeltas: [] });
});

it('adds up what one function took wherever it was called from', () => {
  const nodes = PROFILE.nodes.map((node) => (node.id === 3 ? { ...node, callFrame: frame('work') } : node));
  const [first, ...others] = selfTimes(withIdle({ ...PROFILE, nodes }, 500));
  expect(first?.selfMs).toBe(3);
  expect(others).toEqual([]);
});
