import { describe, expect, it } from 'vitest';
import { nearest } from '../../../host/cli/nearest.ts';

describe('nearest', () => {
  it('finds the candidate with the fewest edits', () => {
    expect(nearest('extension:lsit', ['extension:show', 'extension:list', 'grant:list'])).toBe(
      'extension:list',
    );
    expect(nearest('abc', ['abd', 'abc'])).toBe('abc');
    expect(nearest('', ['ab', 'a'])).toBe('a');
  });

  it('has nothing to say without candidates', () => {
    expect(nearest('x', [])).toBeUndefined();
  });
});
