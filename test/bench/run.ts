import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT_DIR } from '../../host/paths.ts';
import { author } from './author.ts';
import { calls } from './calls.ts';
import type { Row, Suite } from './case.ts';
import { events } from './events.ts';
import { http } from './http.ts';
import { lifecycle } from './lifecycle.ts';
import { upgrades } from './upgrades.ts';

const SUITES: readonly Suite[] = [calls, http, lifecycle, upgrades, events, author];
const BASELINE = join(import.meta.dirname, 'baseline.json');
const RESULTS = join(ROOT_DIR, 'bench-results.json');
/** A ratio that is this much worse than the committed one is pointed out. */
const WORSE = 0.75;
const EFFORT = { rounds: 3, roundMs: 1_500, quick: false };
const QUICK = { rounds: 3, roundMs: 400, quick: true };

/**
 * `npm run bench [-- suite …] [--quick] [--save]`: measures, prints a table of ratios against baselines that run
 * side by side, and says where a ratio is less than three quarters as good as the one in `baseline.json`.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      /** Writes what was measured into the baseline. */
      save: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown !== undefined) {
    const known = SUITES.map(({ name }) => name).join(', ');
    process.stderr.write(`error E_USAGE: there is no suite ${unknown}; there are ${known}\n`);
    process.exit(2);
  }
  const before: Record<string, number> = JSON.parse(await readFile(BASELINE, 'utf8').catch(() => '{}'));
  const rows: Row[] = [];
  for (const suite of SUITES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    await suite.run(
      (row) => {
        rows.push({ suite: suite.name, ...row });
        process.stdout.write(`${lineOf({ suite: suite.name, ...row }, before[row.name])}\n`);
      },
      values.quick ? QUICK : EFFORT,
    );
  }
  await writeFile(RESULTS, `${JSON.stringify(rows, null, 2)}\n`);
  if (!values.save) return;
  const measured = Object.fromEntries(rows.map(({ name, ratio }) => [name, Number(ratio.toPrecision(3))]));
  await writeFile(BASELINE, `${JSON.stringify({ ...before, ...measured }, null, 2)}\n`);
}

function lineOf({ name, against, ratio, aim, detail }: Row, before: number | undefined): string {
  const verdict = meets(ratio, aim) ? 'ok  ' : 'MISS';
  const shown = `${ratio.toFixed(2).padStart(6)}x  (aim ${aim}${remark(ratio, aim, before)})`;
  return `${verdict}  ${shown}  ${name}; against ${against}: ${detail}`;
}

function remark(ratio: number, aim: string, before: number | undefined): string {
  if (before === undefined) return '';
  const gain = aim.startsWith('<=') ? before / ratio : ratio / before;
  return `, was ${before.toFixed(2)}x${gain < WORSE ? ': WORSE' : ''}`;
}

function meets(ratio: number, aim: string): boolean {
  const [sign, value] = aim.split(' ');
  if (sign === 'report') return true;
  return sign === '<=' ? ratio <= Number(value) : ratio >= Number(value);
}

await main();
