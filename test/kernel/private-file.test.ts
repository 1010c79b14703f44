import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPrivateFile, writePrivateFile } from '../../kernel/private-file.ts';

let root: string;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'magflock-private-')), 'root');
});
afterEach(() => rm(join(root, '..'), { recursive: true }));

const read = (file: string) => readPrivateFile(root, join(root, file), 100);
const modeOf = async (place: string) => (await stat(place)).mode & 0o777;

describe('a private file', () => {
  it('is written whole, with its folders, for this account alone', async () => {
    await writePrivateFile(root, join(root, 'a/b/c'), 'first');
    await writePrivateFile(root, join(root, 'a/b/c'), 'second');
    expect(await read('a/b/c')).toEqual({ state: 'present', content: Buffer.from('second') });
    expect(await readdir(join(root, 'a/b'))).toEqual(['c']);
    for (const folder of [root, join(root, 'a'), join(root, 'a/b')]) expect(await modeOf(folder)).toBe(0o700);
    expect(await modeOf(join(root, 'a/b/c'))).toBe(0o600);
  });

  it('is missing where there is none', async () => {
    expect(await read('a')).toEqual({ state: 'missing' });
    await writePrivateFile(root, join(root, 'a'), 'x');
    expect(await read('a/b')).toEqual({ state: 'missing' });
  });

  it.each([0o640, 0o604, 0o660, 0o602])('is not read with the mode %o', async (mode) => {
    await writePrivateFile(root, join(root, 'a'), 'geheim');
    await chmod(join(root, 'a'), mode);
    const found = await read('a');
    expect(found).toMatchObject({
      state: 'unusable',
      why: expect.stringContaining('open to other accounts'),
    });
    expect(JSON.stringify(found)).not.toContain('geheim');
  });

  it('is not read in a folder that is open to others, nor too large, nor what is no file', async () => {
    await writePrivateFile(root, join(root, 'a'), 'x');
    await writePrivateFile(root, join(root, 'large'), 'x'.repeat(101));
    await mkdir(join(root, 'folder'));
    expect(await read('large')).toMatchObject({ state: 'unusable', why: expect.stringContaining('larger') });
    expect(await read('folder')).toMatchObject({ state: 'unusable' });
    await chmod(root, 0o755);
    expect(await read('a')).toMatchObject({ state: 'unusable', why: expect.stringContaining('its folder') });
  });

  it('may be a link to one that is private itself', async () => {
    const [open, closed] = [join(root, '../open'), join(root, '../closed')];
    await writePrivateFile(root, join(root, 'a'), 'x');
    await writeFile(closed, 'y', { mode: 0o400 });
    await writeFile(open, 'z');
    await chmod(open, 0o644);
    await symlink(closed, join(root, 'to-closed'));
    await symlink(open, join(root, 'to-open'));
    expect(await read('to-closed')).toMatchObject({ content: Buffer.from('y') });
    expect(await read('to-open')).toMatchObject({ state: 'unusable' });
  });

  it.runIf(process.getuid?.() === 0)('written by root belongs to who owns the data folder', async () => {
    await chown(join(root, '..'), 12_345, 12_345);
    await writePrivateFile(root, join(root, 'a/b'), 'x');
    for (const place of [root, join(root, 'a'), join(root, 'a/b')])
      expect((await stat(place)).uid).toBe(12_345);
    expect(await read('a/b')).toMatchObject({ state: 'present' });
    await chown(join(root, 'a/b'), 54_321, 54_321);
    expect(await read('a/b')).toMatchObject({
      state: 'unusable',
      why: expect.stringContaining('another account'),
    });
  });

  it('leaves nothing half written when it cannot be put in place', async () => {
    await writePrivateFile(root, join(root, 'a/b'), 'x');
    await expect(writePrivateFile(root, join(root, 'a'), 'y')).rejects.toThrow();
    expect(await readdir(root)).toEqual(['a']);
    expect(await readFile(join(root, 'a/b'), 'utf8')).toBe('x');
  });
});
