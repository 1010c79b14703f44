import { printable } from './printable.ts';

/** One column: its heading, and the text of a row in it. */
export type Column<Row> = readonly [heading: string, text: (row: Row) => string];

const GAP = '  ';

/** Rows below headings, aligned, every cell on one line and free of control characters. No rows: `(none)`. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  if (rows.length === 0) return '(none)';
  const headings = columns.map(([heading]) => heading.toUpperCase());
  return aligned([headings, ...rows.map((row) => columns.map(([, text]) => text(row)))]);
}

/** One thing as `name  value` lines. */
export function details(entries: readonly (readonly [name: string, value: string])[]): string {
  return aligned(entries);
}

function aligned(lines: readonly (readonly string[])[]): string {
  const clean = lines.map((cells) => cells.map((cell) => printable(cell) || '-'));
  const widths: number[] = [];
  for (const cells of clean) {
    for (const [at, cell] of cells.entries()) widths[at] = Math.max(widths[at] ?? 0, width(cell));
  }
  return clean.map((cells) => line(cells, widths)).join('\n');
}

function line(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - width(cell)));
  return padded.join(GAP).trimEnd();
}

/** Code points: close enough to terminal columns for the texts shown here. */
function width(text: string): number {
  return [...text].length;
}
