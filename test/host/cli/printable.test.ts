import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableYaml } from '../../../host/cli/printable.ts';

const HOSTILE = 'a\u001b[2Jb\u009b31mc\u202ed\re\u0007f\u2028g\u007fh';

/** What a terminal acts on, written without a regular expression the code under test may share. */
function acts(text: string): boolean {
  return [...text].some((char) => {
    const code = char.codePointAt(0) ?? 0;
    const control = code < 32 || (code > 126 && code < 160);
    return control || code === 0x202e || code === 0x2028;
  });
}

describe('printable', () => {
  it('leaves nothing a terminal acts on, and the text around it', () => {
    expect(acts(HOSTILE)).toBe(true);
    expect(acts(printable(HOSTILE))).toBe(false);
    expect(printable('a\u001b[31mb')).toBe('a[31mb');
  });

  it('makes one line of many', () => {
    expect(printable('one\n\ttwo\r\nthree')).toBe('one two three');
  });

  it('keeps letters of every script', () => {
    expect(printable('Grüße, 世界 👋')).toBe('Grüße, 世界 👋');
  });
});

describe('printableJson', () => {
  it('escapes and keeps the value', () => {
    const json = printableJson(JSON.stringify({ text: HOSTILE }));
    expect(acts(json)).toBe(false);
    expect(JSON.parse(json)).toEqual({ text: HOSTILE });
  });
});

describe('printableYaml', () => {
  it('strips what YAML leaves raw', () => {
    expect(printableYaml('a: x\u009b31m\u202e\nb: y\n')).toBe('a: x31m\nb: y\n');
  });
});
