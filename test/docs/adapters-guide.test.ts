import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ROOT_DIR } from '../../host/paths.ts';

const PAGE = join(ROOT_DIR, 'docs/guide/adapters.md');
/** Not part of what is changed, or made anew in the copy. */
const LEFT_OUT = new Set(['.git', '.build', 'docs', 'node_modules']);
const BLOCK = /^```(diff|ts (\S+))\n(.*?)^```$/gms;
/** A whole compilation, and a test run of its own. */
const PATIENCE_MS = 900_000;
const BIN = join(ROOT_DIR, 'node_modules/.bin');

describe('the guide to a seventh component', () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'magflock-guide-'));
    await chmod(copy, 0o755); // cells run as another account when the tests run as root
    await copySources(copy);
    for (const [, kind, path, content = ''] of (await readFile(PAGE, 'utf8')).matchAll(BLOCK)) {
      if (kind === 'diff') await applyDiff(copy, content);
      else await writeWhole(join(copy, path ?? ''), content);
    }
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it(
    'compiles',
    async () => {
      expect(await run(copy, join(BIN, 'tsc'), ['--noEmit'])).toEqual({ exitCode: 0, said: '' });
    },
    PATIENCE_MS,
  );

  it(
    'passes the tests it names',
    async () => {
      const page = await readFile(PAGE, 'utf8');
      const [, files = ''] = /npx vitest run (.*)$/m.exec(page) ?? [];
      expect(files.split(' ').length).toBeGreaterThan(2);
      const { exitCode, said } = await run(copy, join(BIN, 'vitest'), ['run', ...files.split(' ')], {
        TEST_DATABASE_URL: inject('postgres').url,
      });
      expect({ exitCode, said }).toEqual({ exitCode: 0, said: expect.stringMatching(/Tests .* passed/) });
    },
    PATIENCE_MS,
  );
});

async function copySources(to: string): Promise<void> {
  for (const name of await readdir(ROOT_DIR)) {
    if (!LEFT_OUT.has(name)) await cp(join(ROOT_DIR, name), join(to, name), { recursive: true });
  }
  await symlink(join(ROOT_DIR, 'node_modules'), join(to, 'node_modules'));
}

async function writeWhole(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function applyDiff(folder: string, diff: string): Promise<void> {
  const { exitCode, said } = await run(folder, 'git', ['apply', '--unidiff-zero', '-'], {}, diff);
  expect({ exitCode, said, diff }).toEqual({ exitCode: 0, said: '', diff });
}

/** What it said on both its outputs. None of the environment of this test run reaches it. */
async function run(
  cwd: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<{ exitCode: number; said: string }> {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  });
  child.stdin.end(input);
  const [out, error] = [text(child.stdout), text(child.stderr)];
  const [exitCode] = await once(child, 'close');
  return { exitCode, said: (await out) + (await error) };
}
