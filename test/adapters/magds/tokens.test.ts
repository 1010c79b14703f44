import { describe, expect, it } from 'vitest';
import { hasRowAssignment } from '../../../adapters/magds/tokens.ts';

describe('an assignment to a list of columns', () => {
  it.each([
    ['set ( a , b ) = ( 1 , 2 )', true],
    ['SET ( a , b ) = x', true],
    ['set c = 1 , ( a , b ) = x', true],
    ['set ( a [ 1 ] , b ) = x', true],
    ['set a = ( 1 , 2 )', false],
    ['set ( a ) = ( 1 )', false],
    ['set a = f ( b , ( c ) ) , d = 1', false],
    ['where ( a , b ) = ( 1 , 2 )', false],
    ['set ( a , b', false],
    [') ) ]', false],
  ])('%s: %s', (tokens, expected) => {
    expect(hasRowAssignment(tokens.split(' '))).toBe(expected);
  });
});
