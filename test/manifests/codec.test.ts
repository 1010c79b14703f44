import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCellFrame, parseGuestShape } from '../../manifests/protocol/cell-frame.ts';
import { encodeFrame, FrameDecoder, ProtocolError } from '../../manifests/protocol/codec.ts';
import type { CellFrame } from '../../manifests/protocol/frames.ts';
import { MAX_FRAME_BYTES } from '../../manifests/protocol/limits.ts';

/** The code a function throws, or what it returns. */
function outcome<Value>(run: () => Value): Value | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

function decodeAll(chunks: readonly Uint8Array[]): CellFrame[] {
  const frames: CellFrame[] = [];
  const decoder = new FrameDecoder(checkCellFrame);
  for (const chunk of chunks) decoder.push(chunk, (frame) => frames.push(frame));
  return frames;
}

function bytesOf(frame: object): Uint8Array {
  const bytes = encodeFrame(frame);
  if (bytes === null) throw new Error('too large');
  return bytes;
}

const count = fc.maxSafeNat();
const text = fc.string({ unit: 'binary', maxLength: 60 });
const level = fc.constantFrom('debug', 'info', 'warn', 'error');
const error = fc.oneof(
  fc.record({ code: text, message: text }),
  fc.record({ code: text, message: text, stack: text }),
  fc.record({ code: text, message: text, class: text }),
  fc.record({ code: text, message: text, stack: text, class: text }),
);
const frame = fc.oneof(
  fc.record({ t: fc.constant('hello'), pid: count, node: text }),
  fc.record({ t: fc.constant('ack'), id: count }),
  fc.record({ t: fc.constant('reply'), id: count, value: text, cpuUs: count }),
  fc.record({ t: fc.constant('reply'), id: count, error, cpuUs: count }),
  fc.record({ t: fc.constant('host-call'), id: count, call: count, name: text, params: text }),
  fc.record({ t: fc.constant('log'), level, message: text, fields: text, call: count }),
  fc.record({ t: fc.constant('heartbeat'), heapBytes: count, cpuUs: count }),
);

describe('the frame codec', () => {
  it('gives back what was sent, however the bytes are sliced', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(200)), (frames, cuts) => {
        const whole = Buffer.concat(frames.map(bytesOf));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(whole.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(whole.subarray(at));
        // Lone surrogates do not survive UTF-8, here as anywhere.
        const sent = frames.map((one) => JSON.parse(Buffer.from(JSON.stringify(one)).toString()));
        expect(decodeAll(chunks)).toEqual(sent);
      }),
    );
  });

  it('answers any bytes with frames or E_PROTOCOL', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const result = outcome(() => decodeAll(chunks));
        expect(result === 'E_PROTOCOL' || Array.isArray(result)).toBe(true);
      }),
    );
  });

  it('answers any JSON with a frame or E_PROTOCOL', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), mutated()), (value) => {
        const result = outcome(() => checkCellFrame(value));
        if (result !== 'E_PROTOCOL') expect(result).toEqual(value);
      }),
    );
  });

  it('refuses a length that is too large before any byte of the frame comes', () => {
    const header = (length: number) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, length);
      return bytes;
    };
    expect(outcome(() => decodeAll([header(MAX_FRAME_BYTES + 1)]))).toBe('E_PROTOCOL');
    expect(outcome(() => decodeAll([header(0xffffffff)]))).toBe('E_PROTOCOL');
    expect(outcome(() => decodeAll([header(0)]))).toBe('E_PROTOCOL');
    expect(outcome(() => decodeAll([header(MAX_FRAME_BYTES)]))).toEqual([]);
  });

  it('hands on the frames before a bad one', () => {
    const frames: CellFrame[] = [];
    const decoder = new FrameDecoder(checkCellFrame);
    const bytes = Buffer.concat([bytesOf({ t: 'ack', id: 1 }), bytesOf({ t: 'nonsense' })]);
    expect(outcome(() => decoder.push(bytes, (one) => frames.push(one)))).toBe('E_PROTOCOL');
    expect(frames).toEqual([{ t: 'ack', id: 1 }]);
  });

  it('does not encode what is larger than a frame, escapes counted', () => {
    expect(encodeFrame({ t: 'x', value: '"'.repeat(MAX_FRAME_BYTES / 2) })).toBeNull();
    expect(encodeFrame({ value: 'x'.repeat(MAX_FRAME_BYTES - 12) })).toHaveLength(MAX_FRAME_BYTES + 4);
    expect(encodeFrame({ value: 'x'.repeat(MAX_FRAME_BYTES - 11) })).toBeNull();
  });
});

describe('the schema of cell frames', () => {
  it.each([
    ['a member too many', { t: 'ack', id: 1, more: 1 }],
    ['a member too few', { t: 'ack' }],
    ['an id that is text', { t: 'ack', id: '1' }],
    ['an id that is negative', { t: 'ack', id: -1 }],
    ['an id that is no whole number', { t: 'ack', id: 1.5 }],
    ['a list', ['ack', 1]],
    ['a value and an error', { t: 'reply', id: 1, value: '1', error: { code: 'a', message: 'b' }, cpuUs: 0 }],
    ['neither value nor error', { t: 'reply', id: 1, cpuUs: 0 }],
    ['an error with more in it', { t: 'reply', id: 1, error: { code: 'a', message: 'b', x: 1 }, cpuUs: 0 }],
    ['a long message', { t: 'reply', id: 1, error: { code: 'a', message: 'b'.repeat(2_001) }, cpuUs: 0 }],
    [
      'a long class',
      { t: 'reply', id: 1, error: { code: 'a', message: 'b', class: 'c'.repeat(65) }, cpuUs: 0 },
    ],
    ['an unknown level', { t: 'log', level: 'fatal', message: '', fields: '{}', call: 0 }],
    ['a long log line', { t: 'log', level: 'info', message: 'x'.repeat(8_193), fields: '{}', call: 0 }],
    ['a frame of the host', { t: 'cancel', id: 1 }],
    ['a prototype', JSON.parse('{"t":"ack","id":1,"__proto__":{"x":1}}')],
    ['a type from a prototype', Object.create({ t: 'ack', id: 1 })],
  ])('refuses %s', (_, value) => {
    expect(outcome(() => checkCellFrame(value))).toBe('E_PROTOCOL');
  });

  it.each([
    '{',
    '[]',
    '{"lifecycle":[]}',
    '{"lifecycle":[1],"health":true,"endpoints":[],"hooks":[],"events":[],"exports":[],"jobs":[],"channels":[],"commands":[],"formats":[],"providers":[]}',
  ])('refuses the shape %s', (json) => {
    expect(outcome(() => parseGuestShape(json))).toBe('E_PROTOCOL');
  });
});

/** A frame with one member replaced, added or removed. */
function mutated() {
  return fc.tuple(frame, fc.string(), fc.jsonValue()).map(([one, key, value]) => {
    const keys = Object.keys(one);
    const name = keys[key.length % (keys.length + 1)] ?? key;
    return { ...one, [name]: value };
  });
}
