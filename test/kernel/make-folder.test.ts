import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../kernel/make-folder.ts';

let root = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mag-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('a folder that somebody named', () => {
  it('is made with those above it, and may be there already', async () => {
    const folder = join(root, 'a/b/c');
    for (let n = 0; n < 2; n++) await makeFolder(folder);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it('is none where a file has its name, or that of one above it', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(file, 'a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.runIf(process.platform === 'linux')('is refused below /proc, and not tried for ever', async () => {
    await expect(makeFolder('/proc/magflock/data')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
