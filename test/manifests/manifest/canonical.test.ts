import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../manifests/manifest/canonical.ts';

describe('canonicalJson', () => {
  it('orders members by code unit, leaves white space and what is undefined out', () => {
    const value = { b: [1, { y: null, x: 'é\n' }], a: undefined, '\u{1f600}': 1, '\ufb33': 2, B: true };
    expect(canonicalJson(value)).toBe('{"B":true,"b":[1,{"x":"é\\n","y":null}],"\u{1f600}":1,"\ufb33":2}');
  });

  it('gives equal values equal texts that mean the same', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
