import { fromCharCode, typedLength } from './primordials.ts';

/** The UTF-8 decoder of the Encoding standard: each maximal ill-formed part becomes one U+FFFD. */
export class Utf8Reader {
  #point = 0;
  /** Bytes that the character begun still needs. */
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** @param goesOn the last character may be incomplete: the rest comes with the next bytes */
  read(bytes: Uint8Array, goesOn: boolean): { text: string; broken: boolean } {
    const length = typedLength(bytes);
    let text = '';
    let broken = false;
    for (let at = 0; at < length; at++) {
      const byte = bytes[at] as number;
      if (this.#needed > 0 && (byte < this.#lower || byte > this.#upper)) {
        text += '\uFFFD';
        broken = true;
        this.#needed = 0;
      }
      if (byte < 0x80) text += fromCharCode(byte);
      else if (this.#needed > 0) text += this.#continue(byte);
      else if (!this.#begin(byte)) {
        text += '\uFFFD';
        broken = true;
      }
    }
    if (this.#needed > 0 && !goesOn) {
      text += '\uFFFD';
      broken = true;
    }
    return { text, broken };
  }

  /** False for a byte that no character begins with. */
  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#point = byte & (0x3f >> this.#needed);
    // Keeps out overlong forms, surrogates and what lies above U+10FFFF.
    this.#lower = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#upper = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    return true;
  }

  #continue(byte: number): string {
    this.#lower = 0x80;
    this.#upper = 0xbf;
    this.#point = (this.#point << 6) | (byte & 0x3f);
    this.#needed--;
    return this.#needed === 0 ? textOfPoint(this.#point) : '';
  }
}

function textOfPoint(point: number): string {
  if (point < 0x10000) return fromCharCode(point);
  const above = point - 0x10000;
  return fromCharCode(0xd800 + (above >> 10), 0xdc00 + (above & 0x3ff));
}
