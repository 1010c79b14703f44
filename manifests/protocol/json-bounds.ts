/** What makes a JSON text expensive to parse or dangerous to walk, apart from its length. */
export interface JsonBounds {
  readonly maxDepth: number;
  /** Members of all objects together. */
  readonly maxMembers: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Whether a text, if it is JSON, is nested too deep or has too many members. One pass without building
 * anything: a megabyte takes a few milliseconds, where parsing it may take a hundred.
 */
export function outOfBounds(text: string, { maxDepth, maxMembers }: JsonBounds): 'deep' | 'wide' | null {
  let depth = 0;
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      at = endOfText(text, at);
    } else if (char === OPEN_OBJECT || char === OPEN_ARRAY) {
      if (++depth > maxDepth) return 'deep';
    } else if (char === CLOSE_OBJECT || char === CLOSE_ARRAY) {
      depth--;
    } else if (char === COLON && ++members > maxMembers) {
      return 'wide';
    }
  }
  return null;
}

/** Where the text that begins at a quote ends; the end of everything when it does not. */
function endOfText(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote;
  while (text.charCodeAt(at - 1) === BACKSLASH) at--;
  return (quote - at) % 2 === 1;
}
