import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bundleRunner } from '../../../host/build/bundle-runner.ts';
import { isFresh, stampOf } from '../../../host/build/stamp.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mag-bundle-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

it('leaves a program alone that was built from the same sources', async () => {
  const file = await bundleRunner(folder);
  const built = await stat(file);
  expect(await bundleRunner(folder)).toBe(file);
  expect((await stat(file)).ino).toBe(built.ino);
});

it.each([
  ['cut off', (text: string) => text.slice(0, -1)],
  ['changed behind its first line', (text: string) => `${text}process.exit();\n`],
  ['without its first line', (text: string) => text.slice(text.indexOf('\n') + 1)],
  ['whose first line is no stamp', (text: string) => text.replace('{', '')],
  ['of another source', (text: string) => text.replace(/("kernel\/runner\/main\.ts":")[0-9a-f]/, '$1-')],
  [
    'of a source that is gone',
    (text: string) => text.replace('kernel/runner/main.ts', 'kernel/runner/no.ts'),
  ],
])('builds a program anew that is %s', async (_, change) => {
  const file = await bundleRunner(folder);
  const text = await readFile(file, 'utf8');
  expect(change(text)).not.toBe(text);
  await writeFile(file, change(text));
  expect(await readFile(await bundleRunner(folder), 'utf8')).toBe(text);
});

it('knows every source of the program, and what bundles it', async () => {
  const text = await readFile(await bundleRunner(folder), 'utf8');
  for (const source of [
    'kernel/runner/isolate.ts',
    'kernel/runner/guest/main.ts',
    'manifests/protocol/codec.ts',
  ])
    expect(text.slice(0, text.indexOf('\n'))).toContain(`"${source}"`);
  for (const other of ['host/build/bundle-runner.ts', 'node_modules/esbuild/package.json', 'tsconfig.json'])
    expect(text.slice(0, text.indexOf('\n'))).toContain(`"${other}"`);
});

it('takes a file for stale when one of its sources says something else', async () => {
  const stamp = await stampOf(['package.json', 'tsconfig.json'], 'code');
  expect(await isFresh(`${stamp}code`)).toBe(true);
  expect(await isFresh(`${stamp}other`)).toBe(false);
  expect(await isFresh('')).toBe(false);
});
