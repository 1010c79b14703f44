import { execFile } from 'node:child_process';
import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPath } from '../../../adapters/files/file-path.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { createFilesBench } from './files-bench.ts';

const REFUSED = [
  '/etc/passwd',
  '//etc/passwd',
  '.',
  '..',
  '../x',
  'a/..',
  'a/../b',
  'a/../../x',
  'a/./b',
  'a//b',
  'a/',
  ' /x',
  '..\\x',
  'a\\b',
  '\\\\server\\share',
  'C:\\x',
  'C:x',
  'a:stream',
  'a\0b',
  'a\nb',
  'a\u007fb',
  'a\u0085b',
  'x ',
  ' x',
  'x.',
  '.. ',
  '...',
  'a/.. /b',
  'con',
  'CON.txt',
  'a/nul',
  'lpt1',
  'a*',
  'a?',
  'a|b',
  '.mag-x',
  '.MAG-x',
  'a/.mag-x/b',
  'e\u0301', // decomposed
  '\ud800',
  'x'.repeat(141),
  'é'.repeat(71),
  `${'a/'.repeat(16)}a`,
  `${'x/'.repeat(256)}x`,
];
const TAKEN = [
  'a',
  '.hidden',
  'a/b/c',
  '..a',
  'a..b',
  'a...b',
  '~',
  '~root',
  '-rf',
  '$HOME',
  '%2e%2e',
  'é',
  'ﾟ',
  '日本/語',
  'con1',
  'x'.repeat(140),
];

describe('paths', () => {
  it.each(REFUSED)('%j is refused by every call', async (path) => {
    await using bench = await createFilesBench();
    for (const [call, params] of [
      ['files.read', { path }],
      ['files.write', { path, content: 'x' }],
      ['files.list', { path }],
      ['files.remove', { path }],
    ] as const) {
      expect(await bench.outcome(call, params)).toMatch(/^E_(FILE_PATH|PARAMS)$/);
    }
  });

  it.each(TAKEN)('%j is a path', async (path) => {
    await using bench = await createFilesBench();
    await bench.write(path, 'here');
    expect(await bench.read(path)).toBe('here');
    expect(await readFile(join(bench.folder, path), 'utf8')).toBe('here');
  });

  it('stay below the folder, whatever they are', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '',
        '/',
        '\\',
        '\0',
        '%2e%2e',
        'a',
        ' ',
        '~',
        '..;',
        'temp',
        '\u2024',
        '\uff0e',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    const path = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const root = '/srv/files/acme/notes';
    fc.assert(
      fc.property(
        fc.oneof(
          path,
          fc.array(piece).map((pieces) => pieces.join('/')),
        ),
        (text) => {
          try {
            const place = join(root, ...readPath(text));
            expect(place.startsWith(`${root}/`)).toBe(true);
            expect(place).toBe(`${root}/${text}`); // one file, one path
          } catch (thrown) {
            if (codeOf(thrown) !== 'E_FILE_PATH') throw thrown;
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('what somebody put into the folder', () => {
  const planted = async () => {
    const bench = await createFilesBench();
    const outside = join(dirname(bench.rootDir), 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await bench.write('own', 'x');
    return { bench, outside };
  };

  it('as a link to a file is neither read, written nor shown', async () => {
    const { bench, outside } = await planted();
    await using _ = bench;
    await symlink(join(outside, 'secret'), join(bench.folder, 'link'));
    await symlink(join(outside, 'new'), join(bench.folder, 'dangling'));
    for (const path of ['link', 'dangling']) {
      expect(await bench.outcome('files.read', { path })).toBe('E_FILE_PATH');
      expect(await bench.outcome('files.write', { path, content: 'x' })).toBe('E_FILE_PATH');
      expect(await bench.outcome('files.remove', { path })).toBe('E_FILE_PATH');
    }
    expect(await bench.names()).toEqual(['own']);
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  it('as a link to a folder leads nowhere', async () => {
    const { bench, outside } = await planted();
    await using _ = bench;
    await symlink(outside, join(bench.folder, 'link'));
    await symlink(outside, join(bench.folder, 'temp'));
    for (const folder of ['link', 'temp']) {
      expect(await bench.outcome('files.read', { path: `${folder}/secret` })).toBe('E_FILE_PATH');
      expect(await bench.outcome('files.write', { path: `${folder}/new`, content: 'x' })).toBe('E_FILE_PATH');
      expect(await bench.outcome('files.remove', { path: `${folder}/secret` })).toBe('E_FILE_PATH');
      expect(await bench.outcome('files.list', { path: folder })).toBe('E_FILE_PATH');
    }
    await bench.adapter.files.clearTemp('acme/notes');
    expect(await bench.names('temp')).toEqual([]);
    await bench.write('folder/own', 'x');
    await symlink(outside, join(bench.folder, 'folder/link'));
    expect(await bench.outcome('files.remove', { path: 'folder' })).toBe('ok');
    await bench.adapter.files.clear('acme/notes');
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  it('as a second name of a file elsewhere is neither read nor written', async () => {
    const { bench, outside } = await planted();
    await using _ = bench;
    await link(join(outside, 'secret'), join(bench.folder, 'twin'));
    expect(await bench.outcome('files.read', { path: 'twin' })).toBe('E_FILE_PATH');
    expect(await bench.outcome('files.write', { path: 'twin', content: 'x' })).toBe('E_FILE_PATH');
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  it('as a pipe keeps nobody waiting', async () => {
    const { bench } = await planted();
    await using _ = bench;
    await promisify(execFile)('mkfifo', [join(bench.folder, 'pipe')]);
    expect(await bench.outcome('files.read', { path: 'pipe' })).toBe('E_FILE_PATH');
    expect(await bench.outcome('files.write', { path: 'pipe', content: 'x' })).toBe('E_FILE_PATH');
    expect(await bench.names()).toEqual(['own']);
  });
});
