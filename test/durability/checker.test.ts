import { describe, expect, it } from 'vitest';
import { type Histories, violations } from './checker.ts';

const log = ['a', 'b', 'c', 'd'].map((id, index) => ({ id, sequence: index + 1 }));
const good: Histories = { said: log, log, heard: log, deadLetters: [], faults: 0, maxRewind: 2 };
const [a, b, c, d] = log as [Said, Said, Said, Said];
type Said = { id: string; sequence: number };

describe('the checker', () => {
  it('finds nothing in a history that keeps the promise', () => {
    expect(violations(good)).toEqual([]);
    expect(violations({ ...good, heard: [a, b, c, b, c, d], faults: 1 })).toEqual([]);
    expect(violations({ ...good, heard: [a, b, d], deadLetters: ['c'] })).toEqual([
      'd was delivered before what comes before it', // nothing is a dead letter before it was tried
    ]);
    expect(violations({ ...good, said: [...log, { id: 'e', sequence: null }] })).toEqual([]);
  });

  it.each([
    ['a lost delivery', { heard: [a, b, c] }, /d is in the log and was never delivered/],
    ['a lost publish', { said: [...log, { id: 'e', sequence: 5 }] }, /e was acknowledged as 5/],
    ['an invented event', { said: [a, b, c] }, /d is in the log and nobody published it/],
    ['a wrong order', { heard: [a, c, b, d] }, /c was delivered before/],
    ['a gap that is made up for', { heard: [a, b, d, c, d], faults: 9 }, /d was delivered before/],
    ['a duplicate without a fault', { heard: [a, b, b, c, d] }, /1 steps back for 0 faults/],
    ['a long step back', { heard: [a, b, c, a, b, c, d], faults: 1 }, /a step back of 3 events/],
    ['an event twice in the log', { log: [...log, { id: 'a', sequence: 5 }] }, /in the log twice/],
  ])('finds %s', (_what, change, found) => {
    expect(violations({ ...good, ...change } as Histories).join('\n')).toMatch(found);
  });
});
