import { InvalidArgumentError } from 'commander';

/** Reads an option that counts something: a whole number from 1 to the maximum. */
export function countUpTo(maximum: number): (value: string) => number {
  return (value) => {
    const count = Number(value);
    if (Number.isInteger(count) && count >= 1 && count <= maximum) return count;
    throw new InvalidArgumentError(`It takes a whole number from 1 to ${maximum}.`);
  };
}
