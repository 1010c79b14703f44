import { describe, expect, it } from 'vitest';
import { details, table } from '../../../host/cli/table.ts';

describe('table', () => {
  it('aligns columns below their headings', () => {
    const rows = [
      { id: 'acme/hello', state: 'enabled' },
      { id: 'a/b', state: 'off' },
    ];
    const text = table(rows, [
      ['id', (row) => row.id],
      ['state', (row) => row.state],
    ]);
    expect(text).toBe(['ID          STATE', 'acme/hello  enabled', 'a/b         off'].join('\n'));
  });

  it('keeps a row on its line whatever is in a cell', () => {
    const text = table([{ name: 'x\n\u001b[2Ky' }], [['name', (row) => row.name]]);
    expect(text).toBe('NAME\nx [2Ky');
  });

  it('shows an empty cell, and an empty table', () => {
    expect(table([{ a: '' }], [['a', (row) => row.a]])).toBe('A\n-');
    expect(table([], [['a', () => '']])).toBe('(none)');
  });
});

describe('details', () => {
  it('aligns the values', () => {
    const text = details([
      ['id', 'acme/hello'],
      ['version', '1.0.0'],
    ]);
    expect(text).toBe('id       acme/hello\nversion  1.0.0');
  });
});
