import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../host/cli/program.ts';
import { ROOT_DIR } from '../../host/paths.ts';

/** Folders whose paths are written from the top of the checkout, in code spans. */
const OWN_PATH = /^(manifests|kernel|adapters|host|extensions|test|docs|\.deploy)\/[\w./-]+$/;

const { stdout } = await promisify(execFile)('git', ['ls-files', '*.md'], { cwd: ROOT_DIR });
const pages = await Promise.all(
  stdout
    .trim()
    .split('\n')
    .map(async (page) => ({ page, text: await readFile(join(ROOT_DIR, page), 'utf8') })),
);

describe('every page', () => {
  it('is one of those there are', () => {
    expect(pages.map(({ page }) => page)).toEqual(
      expect.arrayContaining(['README.md', 'docs/architecture.md']),
    );
  });

  it.each(pages)('$page leads to files and headings that are there', async ({ page, text }) => {
    const wrong: string[] = [];
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : normalize(join(dirname(page), path));
      if (!(await isThere(target))) wrong.push(link);
      else if (anchor !== undefined && !(await anchorsOf(target)).has(anchor)) wrong.push(link);
    }
    for (const [, code = ''] of text.matchAll(/`([^`\n]+)`/g))
      if (OWN_PATH.test(code) && !(await isThere(code))) wrong.push(code);
    expect(wrong).toEqual([]);
  });

  it('names commands and scripts that are there', async () => {
    const { stdin, stderr } = process;
    const terminal = { argv: [], env: {}, cwd: '/', stdin, stdout: process.stdout, stderr };
    const commands = new Set(createProgram(terminal).commands.map((command) => command.name()));
    const { scripts } = JSON.parse(await readFile(join(ROOT_DIR, 'package.json'), 'utf8'));
    const unknown = pages.flatMap(({ page, text }) => [
      ...[...text.matchAll(/\bnpx mag ([a-z]+(?:-[a-z]+)*:[a-z-]+)/g)]
        .filter(([, name = '']) => !commands.has(name))
        .map(([all]) => `${page}: ${all}`),
      ...[...text.matchAll(/\bnpm run ([\w:-]+)/g)]
        .filter(([, name = '']) => !Object.hasOwn(scripts, name))
        .map(([all]) => `${page}: ${all}`),
    ]);
    expect(unknown).toEqual([]);
  });
});

async function isThere(path: string): Promise<boolean> {
  return stat(join(ROOT_DIR, path)).then(
    () => true,
    () => false,
  );
}

/** As GitHub makes them of headings. */
async function anchorsOf(page: string): Promise<Set<string>> {
  const headings = (await readFile(join(ROOT_DIR, page), 'utf8')).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}
