import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as base64 from '../../../kernel/runner/guest/base64.ts';
import { structuredClone as cloneOfGuest } from '../../../kernel/runner/guest/structured-clone.ts';
import {
  TextDecoder as DecoderOfGuest,
  TextEncoder as EncoderOfGuest,
} from '../../../kernel/runner/guest/text.ts';

// The oracle is Node's own implementation of the same standard.

describe('TextEncoder and TextDecoder', () => {
  const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });

  it('encode as the platform does, lone surrogates too', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(new EncoderOfGuest().encode(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
    const wide = '😀é€x';
    expect(new EncoderOfGuest().encode(wide)).toEqual(new TextEncoder().encode(wide));
  });

  it('encode into what there is room for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, size) => {
        const [ours, theirs] = [new Uint8Array(size), new Uint8Array(size)];
        expect(new EncoderOfGuest().encodeInto(text, ours)).toEqual(
          new TextEncoder().encodeInto(text, theirs),
        );
        expect(ours).toEqual(theirs);
      }),
    );
  });

  const utf8Bytes = fc
    .uint8Array({ maxLength: 20 })
    .map((bytes) => bytes.map((byte) => (byte % 3 ? byte | 0x80 : byte)));
  const anyBytes = fc.oneof(
    fc.uint8Array(),
    utf8Bytes,
    anyText.map((text) => new TextEncoder().encode(text)),
  );

  it('decode as the platform does, broken bytes too', () => {
    fc.assert(
      fc.property(anyBytes, fc.boolean(), (bytes, ignoreBOM) => {
        const options = { ignoreBOM };
        expect(new DecoderOfGuest('utf-8', options).decode(bytes)).toBe(
          new TextDecoder('utf-8', options).decode(bytes),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuse broken bytes when told to, and what they cannot do', () => {
    expect(() => new DecoderOfGuest('utf-8', { fatal: true }).decode(new Uint8Array([0xc0, 0x80]))).toThrow(
      TypeError,
    );
    expect(() => new DecoderOfGuest('latin1')).toThrow(RangeError);
    expect(new DecoderOfGuest(' UTF8 ').decode(new Uint8Array([0xef, 0xbb, 0xbf, 65]))).toBe('A');
  });
});

describe('atob and btoa', () => {
  const binary = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)) });

  it('convert as the platform does', () => {
    fc.assert(
      fc.property(binary, (text) => {
        expect(base64.btoa(text)).toBe(btoa(text));
        expect(base64.atob(btoa(text))).toBe(text);
      }),
    );
  });

  it('read or refuse any text as the platform does', () => {
    const nearly = fc.string({ unit: fc.constantFrom('A', 'b', '9', '+', '/', '=', ' ', '\n', '-', 'é') });
    const result = (read: (text: string) => string, text: string) => {
      try {
        return read(text);
      } catch (error) {
        return error instanceof Error || error instanceof DOMException ? error.name : '';
      }
    };
    fc.assert(
      fc.property(nearly, (text) => {
        expect(result(base64.atob, text)).toBe(result(atob, text));
      }),
      { numRuns: 2_000 },
    );
    expect(() => base64.btoa('€')).toThrow();
  });
});

describe('structuredClone', () => {
  it('clones plain data as the platform does', () => {
    fc.assert(
      fc.property(
        fc.anything({ withMap: true, withSet: true, withDate: true, withTypedArray: true }),
        (value) => {
          expect(cloneOfGuest(value)).toEqual(structuredClone(value));
        },
      ),
    );
  });

  it('keeps cycles and shared parts', () => {
    const shared = { a: 1 };
    const value: Record<string, unknown> = { one: shared, two: shared, map: new Map([[shared, shared]]) };
    value.self = value;
    const copy = cloneOfGuest(value);
    expect(copy.self).toBe(copy);
    expect(copy.one).toBe(copy.two);
    expect(copy.one).not.toBe(shared);
    expect((copy.map as Map<unknown, unknown>).get(copy.one)).toBe(copy.one);
  });

  it('clones errors, expressions, buffers and views of one buffer', () => {
    const error = Object.assign(new RangeError('far', { cause: [1] }), { extra: 1 });
    const copy = cloneOfGuest(error);
    expect([copy instanceof RangeError, copy.message, copy.cause, 'extra' in copy]).toEqual([
      true,
      'far',
      [1],
      false,
    ]);
    expect(cloneOfGuest(/a+/gi)).toEqual(/a+/gi);
    const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
    const [one, two] = cloneOfGuest([new Uint8Array(buffer, 1, 2), new DataView(buffer)]) as [
      Uint8Array,
      DataView,
    ];
    expect([[...one], two.byteLength, one.buffer === two.buffer]).toEqual([[2, 3], 4, true]);
    expect(one.buffer).not.toBe(buffer);
  });

  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a promise', Promise.resolve()],
    ['a weak map', new WeakMap()],
    ['one deep inside', { a: [new Map([[1, () => 1]])] }],
  ])('refuses %s', (_, value) => {
    expect(() => cloneOfGuest(value)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
  });
});
