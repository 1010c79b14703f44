import { describe, expect, it } from 'vitest';
import tally from '../src/index.ts';

const count = (typed: { args?: object; options?: object; stdin?: string }) =>
  tally.commands.count({ command: 'count', args: {}, options: {}, stdin: null, ...typed } as never);

describe('the tally', () => {
  it('counts what is piped in, or the words', () => {
    expect(count({ stdin: 'a b\nc\n' })).toMatchObject({ text: '3 words', exitCode: 0 });
    expect(count({ stdin: 'a b\nc\n', options: { unit: 'lines' } })).toMatchObject({ text: '2 lines' });
    expect(count({ args: { words: ['ab', 'c'] }, options: { unit: 'characters' } })).toMatchObject({
      data: { unit: 'characters', count: 4 },
    });
  });

  it('refuses when there are more than allowed', () => {
    expect(count({ stdin: 'a b', options: { 'at-most': 1 } })).toMatchObject({ exitCode: 1 });
  });

  it('writes lists as CSV', () => {
    const csv = (answer: never) => tally.formats.csv(answer).text;
    expect(
      csv({
        jobs: [
          { id: 1, note: 'a,b' },
          { id: 2, more: '"' },
        ],
        next: null,
      } as never),
    ).toBe('id,note,more\n1,"a,b",\n2,,""""');
    expect(csv({ a: 1 } as never)).toBe('a\n1');
    expect(csv('text' as never)).toBe('');
  });
});
