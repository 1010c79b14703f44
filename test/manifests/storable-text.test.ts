import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isStorable, storableText } from '../../manifests/storable-text.ts';

const HALF = '\ud83d';

it.each([
  ['', true],
  ['Ada \u{1f600} \uFFFD \u0001', true],
  ['a\0b', false],
  [`${HALF}x`, false],
  ['\ude00', false],
])('knows whether %j can be stored', (text, isText) => {
  expect(isStorable(text)).toBe(isText);
});

it('makes of every text one that can be stored, and leaves alone what could be', () => {
  expect(storableText(`a\0b${HALF}`)).toBe('a\uFFFDb\uFFFD');
  const anything = fc.string({ unit: fc.constantFrom('a', '\0', HALF, '\ude00', '\u{1f600}') });
  fc.assert(
    fc.property(anything, (text) => {
      expect(isStorable(storableText(text))).toBe(true);
      if (isStorable(text)) expect(storableText(text)).toBe(text);
    }),
  );
});
