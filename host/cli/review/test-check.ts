import { spawn } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from '../../config.ts';
import { ROOT_DIR } from '../../paths.ts';
import { type Check, check } from '../../review/report.ts';
import type { ReviewOptions } from './review.ts';

const MAG = join(ROOT_DIR, 'host/cli/mag.ts');
const TESTS_MS = 300_000;
const SHOWN_LINES = 8;
const KEPT_CHARS = 20_000;

/**
 * Runs the tests of a folder: its script `test`. That is code of the author outside of any sandbox, like everything one does in a
 * folder of sources: `isTested` false leaves it to the reviewer.
 */
export async function testCheck(
  dir: string | null,
  { isTested, database }: Pick<ReviewOptions, 'isTested' | 'database'>,
): Promise<Check> {
  if (dir === null)
    return check('tests', { questions: ['A package carries no tests: run them where its sources are.'] });
  const files: string[] = [];
  const exclude = (path: string) => /(^|\/)(node_modules|dist)$/.test(path);
  for await (const file of glob('**/*.{test,spec}.{ts,js,mjs}', { cwd: dir, exclude })) files.push(file);
  if (files.length === 0) return check('tests', { failures: ['There are no tests.'] });
  const found = `${files.length} ${files.length === 1 ? 'file' : 'files'} of tests`;
  if (!isTested) return check('tests', { questions: [`${found}, which were not run: run them.`] });
  const script = await testScript(dir);
  if (script === null)
    return check('tests', { questions: [`${found}, and no script "test" in package.json: run them.`] });
  const { exitCode, output } = await run(dir, commandOf(script, database));
  if (exitCode === 0) return check('tests', { notes: [`${found}, and they pass.`] });
  const tail = output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  return check('tests', { failures: [`The tests failed (${exitCode ?? 'killed'}):\n${tail}`] });
}

async function testScript(dir: string): Promise<string | null> {
  const text = await readFile(join(dir, 'package.json'), 'utf8').catch(() => '{}');
  try {
    const { scripts } = JSON.parse(text) as { scripts?: Record<string, unknown> };
    return typeof scripts?.test === 'string' ? scripts.test.trim() : null;
  } catch {
    return null; // what is no JSON has no script, and packing says what is wrong with it
  }
}

/** What `extension:new` writes is run by this MagFlock, whatever `mag` is on the path. */
function commandOf(script: string, database: string | undefined): [program: string, ...args: string[]] {
  if (script !== 'mag extension:test') return ['npm', 'test', '--silent'];
  const server = database === undefined ? [] : ['--database', database];
  return [process.execPath, MAG, 'extension:test', '.', ...server];
}

function run(
  dir: string,
  [program, ...args]: [string, ...string[]],
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: dir,
      // No token and no address of a host: tests have no business with one.
      env: { PATH: environment().PATH, HOME: environment().HOME, CI: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TESTS_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}
