import { link, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Mounts } from '../../../adapters/files/index.ts';
import { DiskQuota } from '../../../adapters/files/quota.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { createFilesBench } from './files-bench.ts';

const BOTH = ['filesystem.read', 'filesystem.write'];
const LENT = { mounts: ['lent', 'archive'] };
const CALLS: [name: string, params: Record<string, string>][] = [
  ['files.read', {}],
  ['files.write', { content: 'x' }],
  ['files.list', {}],
  ['files.remove', {}],
];

describe('a folder that the operator lends', () => {
  it('is read, listed, written and emptied like the own one', async () => {
    await using bench = await createFilesBench(BOTH, LENT);
    await writeFile(join(bench.lent, 'theirs.txt'), 'from the operator');
    expect(await bench.read('mounts/lent/theirs.txt')).toBe('from the operator');
    await bench.write('mounts/lent/2026/ours.txt', 'from the extension');
    expect(await readFile(join(bench.lent, '2026/ours.txt'), 'utf8')).toBe('from the extension');
    expect(await bench.names('mounts/lent')).toEqual(['2026', 'theirs.txt']);
    expect(await bench.call('files.remove', { path: 'mounts/lent/2026' })).toEqual({ removed: true });
    expect(await readdir(bench.lent)).toEqual(['theirs.txt']);
    expect(await bench.names()).toEqual([]);
  });

  it('leaves it to the umask who else may read what is written', async () => {
    await using bench = await createFilesBench(BOTH, LENT);
    await bench.write('mounts/lent/a/b.txt', 'x');
    const modes = await Promise.all(['a', 'a/b.txt'].map((path) => stat(join(bench.lent, path))));
    const umask = process.umask();
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o777 & ~umask, 0o666 & ~umask]);
  });

  it('is only read when it is lent so', async () => {
    await using bench = await createFilesBench(BOTH, LENT);
    await writeFile(join(bench.lent, 'a.txt'), 'kept');
    expect(await bench.read('mounts/archive/a.txt')).toBe('kept');
    const path = 'mounts/archive/a.txt';
    expect(await bench.outcome('files.write', { path, content: 'x' })).toBe('E_FILE_PATH');
    expect(await bench.outcome('files.remove', { path })).toBe('E_FILE_PATH');
    expect(await readFile(join(bench.lent, 'a.txt'), 'utf8')).toBe('kept');
  });

  it.each(CALLS)('is out of scope of %s for who does not name it', async (name, params) => {
    for (const scope of [undefined, { mounts: ['archive'] }]) {
      await using bench = await createFilesBench(BOTH, scope);
      const asked = { path: 'mounts/lent/a.txt', ...params };
      expect([scope, await bench.outcome(name, asked)]).toEqual([scope, 'E_CAP_SCOPE']);
      expect(await bench.outcome('files.write', { path: 'a.txt', content: 'x' })).toBe('ok');
    }
  });

  it.each(CALLS)('is out of scope of %s when the operator granted another one', async (name, params) => {
    await using bench = await createFilesBench(BOTH, LENT);
    const scope = { mounts: ['archive'] };
    bench.grant({ capability: 'filesystem.read', scope }, { capability: 'filesystem.write', scope });
    expect(await bench.outcome(name, { path: 'mounts/lent/a.txt', ...params })).toBe('E_CAP_SCOPE');
  });

  it('is nothing that the right to a temporary folder covers', async () => {
    await using bench = await createFilesBench(['filesystem.temp_only']);
    expect(await bench.outcome('files.list', { path: 'mounts/lent' })).toBe('E_CAP_UNDECLARED');
  });

  it('is not there when this host has none of the name', async () => {
    await using bench = await createFilesBench(BOTH, { mounts: ['reports'] });
    expect(await bench.outcome('files.list', { path: 'mounts/reports' })).toBe('E_NOT_FOUND');
  });

  it('is neither left nor replaced nor removed itself', async () => {
    await using bench = await createFilesBench(BOTH, LENT);
    await mkdir(join(bench.lent, 'folder'));
    await writeFile(join(bench.lent, '../outside.txt'), 'secret');
    await symlink('../outside.txt', join(bench.lent, 'link.txt'));
    await symlink('..', join(bench.lent, 'up'));
    await link(join(bench.lent, '../outside.txt'), join(bench.lent, 'hard.txt'));
    for (const path of ['link.txt', 'up/outside.txt', 'hard.txt', 'folder', '../outside.txt'])
      for (const [name, params] of CALLS.slice(0, 2))
        expect([path, await bench.outcome(name, { path: `mounts/lent/${path}`, ...params })]).toEqual([
          path,
          'E_FILE_PATH',
        ]);
    for (const path of ['mounts', 'mounts/lent'])
      for (const [name, params] of CALLS.filter(([name]) => name !== 'files.list'))
        expect([path, await bench.outcome(name, { path, ...params })]).toEqual([path, 'E_FILE_PATH']);
    expect(await bench.outcome('files.list', { path: 'mounts' })).toBe('E_FILE_PATH');
    expect((await readdir(bench.lent)).sort()).toEqual(['folder', 'hard.txt', 'link.txt', 'up']);
  });

  it('is not emptied with the folder of an extension', async () => {
    await using bench = await createFilesBench(BOTH, LENT);
    await bench.write('mounts/lent/a.txt', 'stays');
    await bench.adapter.files.clear('acme/notes');
    expect(await bench.read('mounts/lent/a.txt')).toBe('stays');
  });

  it('loses what a crash left half written, once nobody can be writing it', async () => {
    await using bench = await createFilesBench();
    const [old, young] = ['.mag-old', '.mag-young'].map((name) => join(bench.lent, name)) as [string, string];
    for (const file of [old, young]) await writeFile(file, 'half');
    await utimes(old, 0, 0);
    await Mounts.open(new Map([['lent', { path: bench.lent, isReadOnly: false }]]));
    expect(await readdir(bench.lent)).toEqual(['.mag-young']);
  });

  it('keeps the host from starting when it is none', async () => {
    await using bench = await createFilesBench();
    const file = join(bench.lent, 'file');
    await writeFile(file, '');
    for (const path of [file, join(bench.lent, 'nothing'), 'relative']) {
      const opened = Mounts.open(new Map([['lent', { path, isReadOnly: false }]]));
      await expect(opened).rejects.toMatchObject({ code: 'E_CONFIG' });
    }
  });

  it('takes nothing that would fill its disk', async () => {
    await using bench = await createFilesBench();
    const quota = new DiskQuota(bench.lent);
    const adding = (bytes: number) => quota.adding({ bytes, entries: 1 }).then(() => 'ok', codeOf);
    expect([await adding(1), await adding(Number.MAX_SAFE_INTEGER)]).toEqual(['ok', 'E_FILE_QUOTA']);
    await rm(bench.lent, { recursive: true });
  });
});
