import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT_DIR } from '../paths.ts';
import { referencePages } from './reference.ts';
import { sdkReference } from './sdk-reference.ts';

/** `npm run docs` writes the reference pages; with `--check` it only says which ones are not up to date. */
const folder = join(ROOT_DIR, 'docs', 'reference');
const check = process.argv.includes('--check');
await mkdir(folder, { recursive: true });
for (const [name, text] of [...referencePages(), ['sdk.md', await sdkReference()] as const]) {
  const file = join(folder, name);
  if (!check) {
    await writeFile(file, text);
  } else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`docs/reference/${name} is not up to date: npm run docs\n`);
    process.exitCode = 1;
  }
}
