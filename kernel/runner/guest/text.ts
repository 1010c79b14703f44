import {
  Buffer,
  Bytes,
  bytesIn,
  charCodeAt,
  GuestRangeError,
  GuestTypeError,
  sliceText,
  tag,
  toLowerCase,
  toText,
  transferBuffer,
  trimText,
  typedArrayName,
  typedLength,
} from './primordials.ts';
import { Utf8Reader } from './utf8-reader.ts';

/** UTF-8 only, as the standard has it for encoding. */
export class TextEncoder {
  get encoding(): string {
    return 'utf-8';
  }

  encode(input: unknown = ''): Uint8Array<ArrayBuffer> {
    return encodeUtf8(toText(input));
  }

  encodeInto(input: unknown, into: Uint8Array): { read: number; written: number } {
    if (typedArrayName(into) !== 'Uint8Array') throw new GuestTypeError('encodeInto needs a Uint8Array');
    return writeUtf8(toText(input), into);
  }
}
tag(TextEncoder, 'TextEncoder');

/** The bytes of text in UTF-8; a lone surrogate is written as U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const buffer = new Buffer(text.length * 3);
  const { written } = writeUtf8(text, new Bytes(buffer));
  return new Bytes(transferBuffer(buffer, written));
}

function writeUtf8(text: string, into: Uint8Array): { read: number; written: number } {
  const room = typedLength(into);
  let written = 0;
  let read = 0;
  while (read < text.length) {
    const point = scalarAt(text, read);
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (written + size > room) break;
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

/** UTF-8 only: other labels are refused rather than read wrongly. */
export class TextDecoder {
  readonly #fatal: boolean;
  readonly #ignoreBOM: boolean;
  /** Between two parts of a stream. */
  #reader: Utf8Reader | null = null;
  /** Kept when a part is refused: what comes next is not the beginning of the text. */
  #goesOn = false;
  #bomSeen = false;

  constructor(label: unknown = 'utf-8', options: { fatal?: boolean; ignoreBOM?: boolean } | null = {}) {
    const name = toLowerCase(trimText(toText(label)));
    if (LABELS[name] !== true) throw new GuestRangeError('only UTF-8 can be decoded');
    this.#fatal = !!options?.fatal;
    this.#ignoreBOM = !!options?.ignoreBOM;
  }

  get encoding(): string {
    return 'utf-8';
  }

  get fatal(): boolean {
    return this.#fatal;
  }

  get ignoreBOM(): boolean {
    return this.#ignoreBOM;
  }

  decode(input?: ArrayBuffer | ArrayBufferView, options: { stream?: boolean } | null = {}): string {
    const bytes = input === undefined ? new Bytes(0) : bytesIn(input);
    if (bytes === undefined) throw new GuestTypeError('decode needs an ArrayBuffer or a view of one');
    const reader = this.#reader ?? new Utf8Reader();
    this.#reader = null;
    if (!this.#goesOn) this.#bomSeen = false;
    this.#goesOn = !!options?.stream;
    const { text, broken } = reader.read(bytes, this.#goesOn);
    if (broken && this.#fatal) throw new GuestTypeError('The encoded data was not valid for encoding utf-8');
    if (this.#goesOn) this.#reader = reader;
    return this.#withoutBom(text);
  }

  /** The mark counts only where the text begins. */
  #withoutBom(text: string): string {
    if (this.#ignoreBOM || this.#bomSeen || text === '') return text;
    this.#bomSeen = true;
    return withoutBom(text);
  }
}
tag(TextDecoder, 'TextDecoder');

const LABELS: Readonly<Record<string, true>> = {
  __proto__: null,
  'utf-8': true,
  utf8: true,
  'unicode-1-1-utf-8': true,
  unicode11utf8: true,
  unicode20utf8: true,
  'x-unicode20utf8': true,
} as unknown as Record<string, true>;

export function withoutBom(text: string): string {
  return charCodeAt(text, 0) === 0xfeff ? sliceText(text, 1) : text;
}

/** All of the bytes as text, what is broken as U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new Utf8Reader().read(bytes, false).text;
}
