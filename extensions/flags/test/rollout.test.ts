import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash32 } from '../src/hash.ts';
import { pick, type Rollout, readRollout } from '../src/rollout.ts';

const of = (weights: Record<string, number>): Rollout => ({
  by: 'targetingKey',
  weights: new Map(Object.entries(weights)),
});
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
const salt = fc.string({ minLength: 1, maxLength: 40 });
const weights = fc.dictionary(name, fc.integer({ min: 1, max: 1_000 }), { minKeys: 1, maxKeys: 8 });
const people = (count: number) => Array.from({ length: count }, (_, n) => `user-${n}`);

describe('the hash', () => {
  it.each([
    ['', 0],
    ['test', 0xba6bd213],
    ['Hello, world!', 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ])('is MurmurHash3 of %j', (text, hash) => expect(hash32(text)).toBe(hash));
});

describe('a rollout', () => {
  it('puts these people where they have always been', () => {
    const where = people(16).map((person) => pick(of({ a: 1, b: 1, c: 2 }), 'salt', person));
    expect(where.join('')).toMatchInlineSnapshot(`"ccaacaccccacbccc"`);
  });

  it('gives the same answer whatever the order of its variants', () => {
    fc.assert(
      fc.property(weights, salt, fc.string(), (shares, salted, person) => {
        const turned = Object.fromEntries(Object.entries(shares).reverse());
        const picked = pick(of(shares), salted, person);
        expect(pick(of(turned), salted, person)).toBe(picked);
        expect(Object.hasOwn(shares, picked)).toBe(true);
      }),
    );
  });

  it('gives everybody their share', () => {
    const shares = { a: 10, b: 25, c: 65 };
    for (const salted of ['one', 'two', 'three']) {
      const counts: Record<string, number> = {};
      for (const person of people(20_000)) {
        const variant = pick(of(shares), salted, person);
        counts[variant] = (counts[variant] ?? 0) + 1;
      }
      // Five standard deviations are 1.7 % of 20,000 draws.
      for (const [variant, share] of Object.entries(shares))
        expect(Math.abs((counts[variant] ?? 0) / 200 - share)).toBeLessThan(1.8);
    }
  });

  it('never takes people out of a variant whose weight is raised', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 5_000 }), salt, (shares, more, salted) => {
        const [raised = ''] = Object.keys(shares);
        const after = of({ ...shares, [raised]: (shares[raised] ?? 0) + more });
        for (const person of people(50)) {
          const [before, now] = [pick(of(shares), salted, person), pick(after, salted, person)];
          if (now !== before) expect(now).toBe(raised);
        }
      }),
    );
  });

  it('moves people to a variant that is added, and nobody between the others', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 1_000 }), salt, (shares, weight, salted) => {
        const after = of({ ...shares, 'the-new-one': weight });
        for (const person of people(50)) {
          const [before, now] = [pick(of(shares), salted, person), pick(after, salted, person)];
          if (now !== before) expect(now).toBe('the-new-one');
        }
      }),
    );
  });

  it('gives nothing to a weight of 0, and everybody to the only one', () => {
    for (const person of people(200)) expect(pick(of({ none: 0, all: 1 }), 's', person)).toBe('all');
  });

  it('treats the same people alike with the same salt, and others with another', () => {
    const half = of({ on: 1, off: 1 });
    const on = (salted: string) => people(400).filter((person) => pick(half, salted, person) === 'on');
    expect(on('a')).toEqual(on('a'));
    const both = on('a').filter((person) => on('b').includes(person)).length;
    expect(both).toBeGreaterThan(60);
    expect(both).toBeLessThan(140);
  });

  it.each<unknown>([
    null,
    {},
    { weights: {} },
    { weights: { on: 0, off: 0 } },
    { weights: { on: -1 } },
    { weights: { on: '10' } },
    { weights: { on: Number.NaN } },
    { weights: { other: 1 } },
    { weights: { constructor: 1 } },
    { weights: { on: 1 }, by: '' },
    { weights: { on: 1 }, seed: 4 },
  ])('is not %j', (value) => {
    const variants = new Map([['on', true] as const, ['off', false] as const]);
    expect(() => readRollout(value, variants)).toThrow(expect.objectContaining({ code: 'INVALID' }));
  });
});
