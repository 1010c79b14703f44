import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeAdapterContract } from '../adapter-contract.ts';
import { createFilesBench } from './files-bench.ts';

describeAdapterContract({
  component: 'files',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_FILE', detail: '' },
  },
  create: async () => {
    const bench = await createFilesBench();
    return { adapter: bench.adapter, dispose: async () => bench[Symbol.asyncDispose]() };
  },
});

describe('files', () => {
  it('are written, read, listed and removed', async () => {
    await using bench = await createFilesBench();
    await bench.write('notes/2026/a.txt', 'Grüße 😀');
    expect(await bench.read('notes/2026/a.txt')).toBe('Grüße 😀');
    await bench.write('notes/2026/a.txt', '\uFEFFshorter');
    expect(await bench.read('notes/2026/a.txt')).toBe('\uFEFFshorter');
    await bench.write('b.txt', '');
    const { entries } = await bench.call('files.list', {});
    expect(entries).toMatchObject([
      { name: 'b.txt', kind: 'file', sizeBytes: 0 },
      { name: 'notes', kind: 'folder', sizeBytes: 0 },
    ]);
    expect(Number.isNaN(Date.parse(entries[0].modifiedAt))).toBe(false);
    expect(await bench.call('files.remove', { path: 'b.txt' })).toEqual({ removed: true });
    expect(await bench.call('files.remove', { path: 'b.txt' })).toEqual({ removed: false });
    expect(await bench.call('files.remove', { path: 'notes' })).toEqual({ removed: true });
    expect(await bench.names()).toEqual([]);
  });

  it('hold any bytes', async () => {
    await using bench = await createFilesBench();
    const content = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('base64');
    await bench.call('files.write', { path: 'bytes', content, encoding: 'base64' });
    expect(await bench.call('files.read', { path: 'bytes', encoding: 'base64' })).toEqual({
      content,
      sizeBytes: 256,
    });
    expect(await bench.outcome('files.read', { path: 'bytes' })).toBe('E_FILE_PATH'); // no UTF-8
  });

  it('are listed in pages', async () => {
    await using bench = await createFilesBench();
    for (const name of ['b', 'a', 'c', 'Z']) await bench.write(name, '1');
    const page = async (after: string) =>
      (await bench.call('files.list', { after, limit: 2 })).entries.map(({ name }: { name: string }) => name);
    expect([await page(''), await page('a'), await page('c')]).toEqual([['Z', 'a'], ['b', 'c'], []]);
  });

  it('say what is wrong', async () => {
    await using bench = await createFilesBench();
    expect(await bench.names()).toEqual([]);
    expect(await bench.names('temp')).toEqual([]);
    await bench.write('folder/file', 'x');
    const content = 'x';
    for (const [call, params, code] of [
      ['files.read', { path: 'nothing' }, 'E_NOT_FOUND'],
      ['files.read', { path: 'nothing/below' }, 'E_NOT_FOUND'],
      ['files.list', { path: 'nothing' }, 'E_NOT_FOUND'],
      ['files.read', { path: 'folder' }, 'E_FILE_PATH'],
      ['files.read', { path: 'folder/file/below' }, 'E_FILE_PATH'],
      ['files.list', { path: 'folder/file' }, 'E_FILE_PATH'],
      ['files.write', { path: 'folder', content }, 'E_FILE_PATH'],
      ['files.write', { path: 'folder/file/below', content }, 'E_FILE_PATH'],
      ['files.write', { path: 'temp', content }, 'E_FILE_PATH'],
      ['files.write', { path: 'a', content: '\ud800' }, 'E_PARAMS'],
      ['files.write', { path: 'a', content: 'a===', encoding: 'base64' }, 'E_PARAMS'],
      ['files.write', { path: 'a', content: 'x', encoding: 'hex' }, 'E_PARAMS'],
      ['files.write', { path: 'a', content: 'x'.repeat(700_001) }, 'E_LIMIT_OUTPUT'],
      ['files.read', { path: '' }, 'E_PARAMS'],
      ['files.remove', { path: '' }, 'E_PARAMS'],
      ['files.temp', { suffix: '/../x' }, 'E_FILE_PATH'],
    ] as const) {
      expect([call, params, await bench.outcome(call, params)]).toEqual([call, params, code]);
    }
  });

  it('are not read when they grew too large by another hand', async () => {
    await using bench = await createFilesBench();
    await bench.write('a', 'x');
    await writeFile(join(bench.folder, 'a'), Buffer.alloc(700_001));
    expect(await bench.outcome('files.read', { path: 'a' })).toBe('E_LIMIT_OUTPUT');
  });

  it('lie in a folder that is for the host alone', async () => {
    await using bench = await createFilesBench();
    await bench.write('a/b', 'x');
    const mode = async (place: string) => (await stat(place)).mode & 0o777;
    expect(await mode(bench.folder)).toBe(0o700);
    expect(await mode(dirname(bench.folder))).toBe(0o700);
    expect(await mode(join(bench.folder, 'a'))).toBe(0o700);
    expect(await mode(join(bench.folder, 'a/b'))).toBe(0o600);
  });

  it('fail with E_FILE when the disk does, and tell nothing of it', async () => {
    await using bench = await createFilesBench();
    await mkdir(dirname(bench.rootDir), { recursive: true });
    await writeFile(bench.rootDir, 'a file where the folder should be');
    const failure = await bench.write('a', 'x').catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'E_FILE' });
    expect(String(failure)).not.toContain(bench.rootDir);
  });
});

describe('what files need', () => {
  it('is the right to what is done', async () => {
    await using bench = await createFilesBench();
    await bench.write('a', 'x');
    bench.grant({ capability: 'filesystem.read', scope: null });
    expect(await bench.read('a')).toBe('x');
    expect(await bench.names()).toEqual(['a']);
    expect(await bench.outcome('files.write', { path: 'a', content: 'y' })).toBe('E_CAP_REVOKED');
    expect(await bench.outcome('files.remove', { path: 'a' })).toBe('E_CAP_REVOKED');
    bench.grant({ capability: 'filesystem.write', scope: null });
    expect(await bench.outcome('files.read', { path: 'a' })).toBe('E_CAP_REVOKED');
    expect(await bench.outcome('files.list', {})).toBe('E_CAP_REVOKED');
    expect(await bench.outcome('files.write', { path: 'temp/a', content: 'y' })).toBe('ok');
  });

  it('is a declaration first', async () => {
    await using none = await createFilesBench([]);
    for (const name of ['files.read', 'files.write', 'files.list', 'files.remove', 'files.temp']) {
      const params = { path: 'a', ...(name === 'files.write' ? { content: '' } : {}) };
      expect(await none.outcome(name, name === 'files.temp' ? {} : params)).toBe('E_CAP_UNDECLARED');
    }
    await using temp = await createFilesBench(['filesystem.temp_only']);
    expect(await temp.outcome('files.write', { path: 'a', content: '' })).toBe('E_CAP_UNDECLARED');
    expect(await temp.outcome('files.write', { path: 'temporary/a', content: '' })).toBe('E_CAP_UNDECLARED');
    expect(await temp.outcome('files.write', { path: 'Temp/a', content: '' })).toBe('E_CAP_UNDECLARED');
    expect(await temp.outcome('files.list', {})).toBe('E_CAP_UNDECLARED');
  });

  it('is little below temp', async () => {
    await using bench = await createFilesBench(['filesystem.temp_only']);
    const { path } = await bench.call('files.temp', { suffix: '.json' });
    expect(path).toMatch(/^temp\/[0-9a-f-]{36}\.json$/);
    await bench.write(path, '{}');
    expect(await bench.read(path)).toBe('{}');
    expect(await bench.names('temp')).toHaveLength(1);
    expect(await bench.outcome('files.remove', { path })).toBe('ok');
    expect(await bench.outcome('files.read', { path: 'temp/../a' })).toBe('E_FILE_PATH');
    bench.grant();
    expect(await bench.outcome('files.read', { path })).toBe('E_CAP_REVOKED');
  });
});

describe('the folder of an extension', () => {
  it('loses its temporary part at every start, and goes when the extension does', async () => {
    await using bench = await createFilesBench();
    await bench.write('temp/a', 'x');
    await bench.write('kept', 'x');
    await bench.adapter.files.clearTemp('acme/notes');
    await bench.adapter.files.clearTemp('acme/notes');
    expect(await bench.names()).toEqual(['kept']);
    await bench.adapter.files.clear('acme/notes');
    await bench.adapter.files.clear('acme/notes');
    expect(await readdir(join(bench.rootDir, 'acme'))).toEqual([]);
    await bench.write('again', 'x');
    expect(await bench.names()).toEqual(['again']);
  });

  it('is no other extension’s', async () => {
    await using bench = await createFilesBench();
    await bench.write('a', 'mine');
    const { files } = bench.adapter;
    await files.clear('acme/note');
    await files.clear('acme/notes-2');
    expect(await bench.read('a')).toBe('mine');
  });
});
