import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../host/paths.ts';

const PAGE = join(ROOT_DIR, 'docs/requirements.md');
const STATES = ['built', 'part', 'issue', 'no issue'] as const;
type State = (typeof STATES)[number];

interface Section {
  readonly name: string;
  readonly rows: readonly { readonly state: State; readonly line: string }[];
}

const page = await readFile(PAGE, 'utf8');
const sections = page.split(/^## /m).slice(1).map(sectionOf);

describe('the trace of requirements', () => {
  it('counts what its rows say', () => {
    const counted = sections.map(
      ({ name, rows }) => [name, STATES.map((state) => count(rows, state))] as const,
    );
    const all = STATES.map((_, index) => counted.reduce((sum, [, counts]) => sum + (counts[index] ?? 0), 0));
    const expected = [...counted, ['all', all] as const].map(([name, counts]) => tableRow(name, counts));
    const table = page
      .split(/^## /m)[0]
      ?.split('\n')
      .filter((line) => /^\| (\d|spec|all)/.test(line));
    expect(table?.map((line) => line.replace(/^\| (\d{3}|spec \d\d|all)[^|]*/, '| $1 '))).toEqual(expected);
  });

  it('leads to files that are there', async () => {
    const missing: string[] = [];
    for (const { rows } of sections)
      for (const { line } of rows)
        for (const [, link = ''] of line.matchAll(/\]\(([^)#]+)/g))
          await stat(join(dirname(PAGE), link)).catch(() => missing.push(link));
    expect(missing).toEqual([]);
  });

  it('names a test for what is built', () => {
    const without = sections.flatMap(({ rows }) =>
      rows.filter(({ state, line }) => state === 'built' && /\|\s*-?\s*\|$/.test(line)),
    );
    expect(without).toEqual([]);
  });
});

/** A heading begins with the number of a document, or "Spec" and that of a part. */
function sectionOf(text: string): Section {
  const name = (/^(\d{3}|Spec \d\d)/.exec(text)?.[1] ?? '').toLowerCase();
  expect(name).not.toBe('');
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|( requirement |[ -]+)\|/.test(line));
  return { name, rows: lines.map((line) => ({ line, state: stateOf(line) })) };
}

function stateOf(line: string): State {
  // A bar inside of code or behind a backslash is none of the table.
  const [, , cell = ''] = line
    .replaceAll('\\|', '')
    .split(/ \| /)
    .map((one) => one.trim())
    .toSpliced(0, 0, '');
  const state = STATES.find((one) => cell.startsWith(one));
  if (state === undefined) throw new Error(`no state: ${line}`);
  return state;
}

function count(rows: Section['rows'], state: State): number {
  return rows.filter((row) => row.state === state).length;
}

function tableRow(name: string, counts: readonly number[]): string {
  const [, , issue = 0, none = 0] = counts;
  return `| ${name} | ${counts.join(' | ')} | ${issue + none} |`;
}
