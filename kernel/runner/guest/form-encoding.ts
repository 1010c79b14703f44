import {
  append,
  Bytes,
  fromCharCode,
  indexOfText,
  numberToText,
  sliceText,
  toUpperCase,
  typedLength,
} from './primordials.ts';
import { decodeUtf8, encodeUtf8 } from './text.ts';

export interface Field {
  readonly name: string;
  readonly value: string;
}

const KEPT = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-._';
const PERCENT = 0x25;

/** `application/x-www-form-urlencoded`, as the URL standard reads it. */
export function readForm(text: string): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < text.length; ) {
    const amp = indexOfText(text, '&', at);
    const end = amp < 0 ? text.length : amp;
    if (end > at) append(fields, readField(sliceText(text, at, end)));
    at = end + 1;
  }
  return fields;
}

export function writeForm(fields: readonly Field[]): string {
  let text = '';
  for (let i = 0; i < fields.length; i++) {
    const { name, value } = fields[i] as Field;
    text += `${i === 0 ? '' : '&'}${encodePart(name)}=${encodePart(value)}`;
  }
  return text;
}

function readField(text: string): Field {
  const equals = indexOfText(text, '=');
  return equals < 0
    ? { name: decodePart(text), value: '' }
    : { name: decodePart(sliceText(text, 0, equals)), value: decodePart(sliceText(text, equals + 1)) };
}

function decodePart(text: string): string {
  const bytes = encodeUtf8(text);
  const length = typedLength(bytes);
  let size = 0;
  for (let at = 0; at < length; at++) {
    let byte = bytes[at] as number;
    if (byte === 0x2b) byte = 0x20;
    else if (byte === PERCENT && at + 2 < length) {
      const high = hexDigit(bytes[at + 1] as number);
      const low = hexDigit(bytes[at + 2] as number);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[size++] = byte;
  }
  const read = new Bytes(size);
  for (let i = 0; i < size; i++) read[i] = bytes[i] as number;
  return decodeUtf8(read);
}

function encodePart(text: string): string {
  const bytes = encodeUtf8(text);
  let escaped = '';
  for (let i = 0; i < typedLength(bytes); i++) {
    const byte = bytes[i] as number;
    const unit = fromCharCode(byte);
    if (byte === 0x20) escaped += '+';
    else if (indexOfText(KEPT, unit) >= 0) escaped += unit;
    else escaped += (byte < 16 ? '%0' : '%') + toUpperCase(numberToText(byte, 16));
  }
  return escaped;
}

/** 0 to 15, or -1. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
