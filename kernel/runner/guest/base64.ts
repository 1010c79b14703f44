import { charCodeAt, fromCharCode, GuestError, toText } from './primordials.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Binary text (one byte a character) to base64. @throws an Error named `InvalidCharacterError` */
export function btoa(input: unknown): string {
  const text = toText(input);
  let output = '';
  for (let i = 0; i < text.length; i += 3) {
    const [a, b, c] = [byteAt(text, i), byteAt(text, i + 1), byteAt(text, i + 2)];
    output += letter(a >> 2) + letter(((a & 3) << 4) | (b >> 4));
    output += i + 1 < text.length ? letter(((b & 15) << 2) | (c >> 6)) : '=';
    output += i + 2 < text.length ? letter(c & 63) : '=';
  }
  return output;
}

/** Base64 to binary text, spaces and missing padding forgiven. @throws an Error named `InvalidCharacterError` */
export function atob(input: unknown): string {
  let text = toText(input).replace(/[\t\n\f\r ]/g, '');
  if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
  if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text)) throw invalidCharacter('the text is not base64');
  let output = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    held = ((held << 6) | ALPHABET.indexOf(text[i] as string)) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      output += fromCharCode((held >> bits) & 0xff);
    }
  }
  return output;
}

function letter(index: number): string {
  return ALPHABET[index] as string;
}

function byteAt(text: string, index: number): number {
  if (index >= text.length) return 0;
  const unit = charCodeAt(text, index);
  if (unit > 0xff) throw invalidCharacter('the text has characters beyond one byte');
  return unit;
}

function invalidCharacter(message: string): Error {
  const error = new GuestError(message);
  error.name = 'InvalidCharacterError';
  return error;
}
