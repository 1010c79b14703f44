import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SecretPlace } from '../../../adapters/secrets/secret-place.ts';

export interface PlaceUnderTest extends AsyncDisposable {
  /** With one secret in it. */
  readonly place: SecretPlace;
  readonly ref: string;
  readonly value: string;
  /** A reference to what is not there. */
  readonly absent: string;
  /** Gives the secret another value; `null`: that takes a restart here. */
  readonly replace: ((value: string) => Promise<void>) | null;
}

/** Nothing of it is a reference, anywhere. */
const HOSTILE = [
  '',
  '.',
  '..',
  '../secret#value',
  'a/../b#value',
  'a/..#value',
  '/etc/passwd',
  '/a#value',
  'a//b#value',
  'a/#value',
  '%2e%2e/a#value',
  'a?version=1#value',
  'a\\b#value',
  'a b#value',
  'a#value#value',
  'a#',
  '#value',
  'a\u0000#value',
  'http://127.0.0.1/a#value',
  'x'.repeat(500),
  `${'a/'.repeat(250)}a#value`,
  'acme/shop/API_KEY',
  'api_key',
];

/** What every place that a mapping leads to keeps to: run it for each. */
export function describeSecretPlace(name: string, open: () => Promise<PlaceUnderTest>): void {
  describe(`the contract of what mappings lead to: ${name}`, () => {
    let subject: PlaceUnderTest;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    it('has what is there, and misses what is not', async () => {
      const { place, ref, value, absent } = subject;
      expect([place.refProblem(ref), place.refProblem(absent)]).toEqual([null, null]);
      expect(await place.readRef(ref)).toEqual({ state: 'present', value });
      expect(await place.readRef(absent)).toEqual({ state: 'missing' });
    });

    it('reads it as it is now', async () => {
      const { place, ref, replace } = subject;
      if (replace === null) return expect(name).toBe('environment');
      await replace('the-second-value');
      expect(await place.readRef(ref)).toEqual({ state: 'present', value: 'the-second-value' });
    });

    it.each(HOSTILE)('takes %j for no reference, and asks nobody for it', async (ref) => {
      const { place } = subject;
      expect(place.refProblem(ref)).toMatch(/^is no /);
      expect(await place.readRef(ref)).toEqual({ state: 'unusable', why: expect.stringMatching(/is no /) });
    });

    it('has nothing that it inherits', async () => {
      const { place, ref } = subject;
      const asked = ref.includes('#') ? `${ref.split('#')[0]}#constructor` : 'CONSTRUCTOR';
      expect(await place.readRef(asked)).toEqual({ state: 'missing' });
    });
  });
}
