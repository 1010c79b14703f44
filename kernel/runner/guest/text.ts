import {
  charCodeAt,
  fromCharCode,
  GuestRangeError,
  GuestTypeError,
  isView,
  sliceText,
  toLowerCase,
  toText,
  trimText,
} from './primordials.ts';

/** UTF-8 only, as the standard has it for encoding. */
export class TextEncoder {
  readonly encoding = 'utf-8';

  encode(input: unknown = ''): Uint8Array {
    const text = toText(input);
    const bytes = new Uint8Array(text.length * 3);
    return bytes.slice(0, writeUtf8(text, bytes).written);
  }

  encodeInto(input: unknown, into: Uint8Array): { read: number; written: number } {
    if (!(into instanceof Uint8Array)) throw new GuestTypeError('encodeInto needs a Uint8Array');
    return writeUtf8(toText(input), into);
  }
}

function writeUtf8(text: string, into: Uint8Array): { read: number; written: number } {
  let written = 0;
  let read = 0;
  while (read < text.length) {
    const point = scalarAt(text, read);
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (written + size > into.length) break;
    writePoint(point, size, into, written);
    written += size;
    read += point > 0xffff ? 2 : 1;
  }
  return { read, written };
}

/** The code point at an index; a lone surrogate reads as U+FFFD. */
function scalarAt(text: string, index: number): number {
  const unit = charCodeAt(text, index);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  const next = unit < 0xdc00 && index + 1 < text.length ? charCodeAt(text, index + 1) : 0;
  return next >= 0xdc00 && next <= 0xdfff ? 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00) : 0xfffd;
}

function writePoint(point: number, size: number, into: Uint8Array, at: number): void {
  if (size === 1) {
    into[at] = point;
    return;
  }
  const lead = size === 2 ? 0xc0 : size === 3 ? 0xe0 : 0xf0;
  into[at] = lead | (point >> (6 * (size - 1)));
  for (let i = 1; i < size; i++) into[at + i] = 0x80 | ((point >> (6 * (size - 1 - i))) & 0x3f);
}

/** UTF-8 only, whole inputs only: other labels and `stream` are refused rather than read wrongly. */
export class TextDecoder {
  readonly encoding = 'utf-8';
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(label: unknown = 'utf-8', options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    const name = toLowerCase(trimText(toText(label)));
    if (name !== 'utf-8' && name !== 'utf8' && name !== 'unicode-1-1-utf-8') {
      throw new GuestRangeError('only UTF-8 can be decoded');
    }
    this.fatal = options.fatal === true;
    this.ignoreBOM = options.ignoreBOM === true;
  }

  decode(input?: ArrayBuffer | ArrayBufferView, options: { stream?: boolean } = {}): string {
    if (options.stream === true) throw new GuestTypeError('streams cannot be decoded');
    const text = readUtf8(bytesOf(input), this.fatal);
    return !this.ignoreBOM && charCodeAt(text, 0) === 0xfeff ? sliceText(text, 1) : text;
  }
}

function bytesOf(input: ArrayBuffer | ArrayBufferView | undefined): Uint8Array {
  if (input === undefined) return new Uint8Array(0);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  throw new GuestTypeError('decode needs an ArrayBuffer or a view of one');
}

/** The decoder of the Encoding standard: each maximal ill-formed part becomes one U+FFFD. */
function readUtf8(bytes: Uint8Array, fatal: boolean): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const { point, size } = pointAt(bytes, at);
    if (point < 0 && fatal) throw new GuestTypeError('The encoded data was not valid UTF-8');
    text += point < 0 ? '\uFFFD' : textOfPoint(point);
    at += size;
  }
  return text;
}

function textOfPoint(point: number): string {
  if (point < 0x10000) return fromCharCode(point);
  const above = point - 0x10000;
  return fromCharCode(0xd800 + (above >> 10), 0xdc00 + (above & 0x3ff));
}

function pointAt(bytes: Uint8Array, at: number): { point: number; size: number } {
  const lead = bytes[at] as number;
  if (lead < 0x80) return { point: lead, size: 1 };
  const needed =
    lead >= 0xc2 && lead <= 0xdf
      ? 1
      : lead >= 0xe0 && lead <= 0xef
        ? 2
        : lead >= 0xf0 && lead <= 0xf4
          ? 3
          : 0;
  if (needed === 0) return { point: -1, size: 1 };
  let point = lead & (0x3f >> needed);
  for (let i = 1; i <= needed; i++) {
    const byte = bytes[at + i];
    const [low, high] = i === 1 ? secondByteRange(lead) : [0x80, 0xbf];
    if (byte === undefined || byte < low || byte > high) return { point: -1, size: i };
    point = (point << 6) | (byte & 0x3f);
  }
  return { point, size: needed + 1 };
}

/** Keeps out overlong forms, surrogates and what lies above U+10FFFF. */
function secondByteRange(lead: number): [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf];
  if (lead === 0xed) return [0x80, 0x9f];
  if (lead === 0xf0) return [0x90, 0xbf];
  if (lead === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}
