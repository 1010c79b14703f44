import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFilesBench, type FilesBench } from './files-bench.ts';

const MIB = 1_048_576;

/** Fills the folder behind the adapter's back, before it counted. */
async function prefill(bench: FilesBench, files: number, bytes: number): Promise<void> {
  await mkdir(bench.folder, { recursive: true });
  const content = Buffer.alloc(bytes);
  for (let i = 0; i < files; i += 1) await writeFile(join(bench.folder, `f${i}`), content);
}

describe('the quota', () => {
  it('holds for bytes, and removing or shrinking makes room', async () => {
    await using bench = await createFilesBench();
    await prefill(bench, 64, MIB);
    expect(await bench.outcome('files.write', { path: 'more', content: 'x' })).toBe('E_FILE_QUOTA');
    expect(await bench.outcome('files.write', { path: 'empty', content: '' })).toBe('ok');
    expect(await bench.outcome('files.write', { path: 'f0', content: 'x' })).toBe('ok');
    expect(await bench.outcome('files.write', { path: 'more', content: 'x'.repeat(700_000) })).toBe('ok');
    expect(await bench.outcome('files.write', { path: 'most', content: 'x'.repeat(700_000) })).toBe(
      'E_FILE_QUOTA',
    );
    await bench.call('files.remove', { path: 'f1' });
    expect(await bench.outcome('files.write', { path: 'most', content: 'x'.repeat(700_000) })).toBe('ok');
  });

  it('holds for files and folders', async () => {
    await using bench = await createFilesBench();
    await prefill(bench, 9_997, 0);
    expect(await bench.outcome('files.write', { path: 'a/b/c/d', content: '' })).toBe('E_FILE_QUOTA');
    expect(await bench.names()).not.toContain('a');
    expect(await bench.outcome('files.write', { path: 'a/b/c', content: '' })).toBe('ok');
    expect(await bench.outcome('files.write', { path: 'd', content: '' })).toBe('E_FILE_QUOTA');
    expect(await bench.outcome('files.write', { path: 'a/b/c', content: 'again' })).toBe('ok');
    await bench.call('files.remove', { path: 'a' });
    expect(await bench.outcome('files.write', { path: 'd', content: '' })).toBe('ok');
  });

  it('holds for whoever writes at once', async () => {
    await using bench = await createFilesBench();
    await prefill(bench, 60, MIB);
    const content = 'x'.repeat(600_000);
    const writes = Array.from({ length: 12 }, (_, i) =>
      bench.outcome('files.write', { path: `w${i}`, content }),
    );
    const outcomes = await Promise.all(writes);
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(6); // 4 MiB were left
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'E_FILE_QUOTA']));
  });
});

describe('the count', () => {
  it('is the same after any changes as a fresh one', async () => {
    await using bench = await createFilesBench();
    await prefill(bench, 63, MIB);
    await bench.write('a/b/c', 'x'.repeat(500_000));
    await bench.write('a/b/c', 'x'.repeat(300_000));
    await bench.write('a/d', 'x'.repeat(200_000));
    await bench.call('files.remove', { path: 'a/b' });
    await bench.call('files.remove', { path: 'a/d' });
    await bench.write('e', 'x'.repeat(700_000));
    const left = MIB - 700_000;
    expect(await bench.outcome('files.write', { path: 'f', content: 'x'.repeat(left + 1) })).toBe(
      'E_FILE_QUOTA',
    );
    expect(await bench.outcome('files.write', { path: 'f', content: 'x'.repeat(left) })).toBe('ok');
    expect(await bench.outcome('files.write', { path: 'g', content: 'x' })).toBe('E_FILE_QUOTA');
  });
});

describe('writers of one file', () => {
  it('leave one of their versions, and readers see no half of any', async () => {
    await using bench = await createFilesBench();
    await bench.write('folder/a', '0'.repeat(200_000));
    const writes = Array.from({ length: 9 }, (_, i) => bench.write('folder/a', `${i + 1}`.repeat(200_000)));
    const reads = Array.from({ length: 30 }, () => bench.read('folder/a'));
    for (const text of await Promise.all(reads)) {
      expect([text.length, new Set(text).size]).toEqual([200_000, 1]);
    }
    await Promise.all(writes);
    expect(await bench.read('folder/a')).toBe('9'.repeat(200_000));
    expect(await readdir(bench.folder)).toEqual(['folder']); // nothing half written is left
  });

  it('that a crash cut off leave nothing that counts or shows', async () => {
    await using bench = await createFilesBench();
    await prefill(bench, 1, 1);
    await writeFile(join(bench.folder, '.mag-half'), Buffer.alloc(65 * MIB));
    expect(await bench.names()).toEqual(['f0']);
    await bench.write('a', 'x');
    expect(await readdir(bench.folder)).toEqual(expect.not.arrayContaining(['.mag-half']));
  });
});
