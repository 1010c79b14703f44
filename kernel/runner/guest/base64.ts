import { namedError } from './named-error.ts';
import {
  charCodeAt,
  execute,
  fromCharCode,
  GuestTypeError,
  indexOfText,
  sliceText,
  toText,
} from './primordials.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BEYOND_ONE_BYTE = /[^\0-\xff]/;
const SPACE = '\t\n\f\r ';

/** Binary text (one byte a character) to base64. @throws an Error named `InvalidCharacterError` */
export function btoa(...given: [input?: unknown]): string {
  const text = textOf(given);
  if (execute(BEYOND_ONE_BYTE, text) !== null) throw invalidCharacter('Invalid character');
  let output = '';
  for (let i = 0; i < text.length; i += 3) {
    const a = charCodeAt(text, i);
    const b = i + 1 < text.length ? charCodeAt(text, i + 1) : 0;
    const c = i + 2 < text.length ? charCodeAt(text, i + 2) : 0;
    output += letter(a >> 2) + letter(((a & 3) << 4) | (b >> 4));
    output += i + 1 < text.length ? letter(((b & 15) << 2) | (c >> 6)) : '=';
    output += i + 2 < text.length ? letter(c & 63) : '=';
  }
  return output;
}

/** Base64 to binary text, spaces and missing padding forgiven. @throws an Error named `InvalidCharacterError` */
export function atob(...given: [input?: unknown]): string {
  const text = unpadded(withoutSpace(textOf(given)));
  if (text.length % 4 === 1) throw invalidCharacter('The string to be decoded is not correctly encoded.');
  let output = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    const value = indexOfText(ALPHABET, text[i] as string);
    if (value < 0) throw invalidCharacter('The string to be decoded is not correctly encoded.');
    held = ((held << 6) | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      output += fromCharCode((held >> bits) & 0xff);
    }
  }
  return output;
}

function textOf(given: readonly unknown[]): string {
  if (given.length === 0) throw new GuestTypeError('The text is missing');
  return toText(given[0]);
}

function withoutSpace(text: string): string {
  let output = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text[i] as string;
    if (indexOfText(SPACE, unit) < 0) output += unit;
  }
  return output;
}

function unpadded(text: string): string {
  if (text.length % 4 !== 0) return text;
  let end = text.length;
  while (end > text.length - 2 && end > 0 && text[end - 1] === '=') end--;
  return sliceText(text, 0, end);
}

function letter(index: number): string {
  return ALPHABET[index] as string;
}

function invalidCharacter(message: string): Error {
  return namedError('InvalidCharacterError', message);
}
