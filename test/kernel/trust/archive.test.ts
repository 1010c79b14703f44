import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MAX_ENTRIES, MAX_UNPACKED_BYTES, readArchive } from '../../../kernel/trust/archive.ts';
import { type RawEntry, rawArchive, rawTar } from './fixtures/archives.ts';

const manifest: RawEntry = { name: 'manifest.json', content: '{}' };
const refused = { code: 'E_PKG_INVALID' };

describe('readArchive', () => {
  it('reads the files of a package', async () => {
    const archive = await rawArchive([
      manifest,
      { name: 'dist/', type: 'directory' },
      { name: 'dist/index.js', content: 'export default {}' },
      { name: 'ui/empty.txt' },
      { name: `ui/${'long/'.repeat(40)}x`, content: 'y' },
      { name: 'LICENSE', content: 'MIT' },
    ]);
    const files = await readArchive(archive);
    expect([...files.keys()].slice(0, 3)).toEqual(['manifest.json', 'dist/index.js', 'ui/empty.txt']);
    expect(Buffer.from(files.get('dist/index.js') ?? []).toString()).toBe('export default {}');
    expect(files.get('ui/empty.txt')?.byteLength).toBe(0);
    expect(files.size).toBe(5);
  });

  const names = {
    'a path that climbs': '../outside',
    'a path that climbs inside': 'dist/../../outside',
    'a path that climbs and comes back': 'dist/../dist/x',
    'an absolute path': '/etc/passwd',
    'a drive': 'C:/windows',
    'a backslash': 'dist\\..\\x',
    'a dot segment': 'dist/./x',
    'an empty segment': 'dist//x',
    'a hidden file': 'dist/.env',
    'a control character': 'dist/a\u0007b',
    'a name outside ASCII': 'dist/caf\u00e9.js',
    'a native addon': 'dist/addon.node',
    'a native addon in capitals': 'dist/ADDON.NODE',
    node_modules: 'dist/node_modules/x/index.js',
    'node_modules in capitals': 'dist/Node_Modules/x.js',
    'a folder that is not known': 'bin/run.js',
    'a file at the top that is not known': 'index.js',
    'a folder as a file': 'dist',
    'a name that is too long': `dist/${'x'.repeat(255)}`,
  };
  it.each(Object.entries(names))('refuses %s', async (_what, name) => {
    await expect(readArchive(await rawArchive([manifest, { name, content: 'x' }]))).rejects.toMatchObject(
      refused,
    );
  });

  const things: Record<string, RawEntry> = {
    'a symbolic link': { name: 'dist/x', type: 'symlink', linkname: '/etc/passwd' },
    'a hard link': { name: 'dist/x', type: 'link', linkname: 'manifest.json' },
    'a character device': { name: 'dist/x', type: 'character-device' },
    'a block device': { name: 'dist/x', type: 'block-device' },
    'a pipe': { name: 'dist/x', type: 'fifo' },
    'a folder outside': { name: '../x/', type: 'directory' },
    'a folder that is not known': { name: 'node_modules/', type: 'directory' },
  };
  it.each(Object.entries(things))('refuses %s', async (_what, entry) => {
    await expect(readArchive(await rawArchive([manifest, entry]))).rejects.toMatchObject(refused);
  });

  const pairs: Record<string, [string, string]> = {
    'the same name twice': ['dist/a.js', 'dist/a.js'],
    'names that differ only in case': ['dist/a.js', 'dist/A.js'],
    'folders that differ only in case': ['dist/lib/a.js', 'dist/LIB/b.js'],
    'a file that is also a folder': ['dist/a', 'dist/a/b.js'],
    'a folder that is also a file': ['dist/a/b.js', 'dist/A'],
  };
  it.each(Object.entries(pairs))('refuses %s', async (_what, both) => {
    const archive = await rawArchive([manifest, ...both.map((name) => ({ name, content: 'x' }))]);
    await expect(readArchive(archive)).rejects.toMatchObject(refused);
  });

  it('refuses a manifest that does not come first, or not at all', async () => {
    const file = { name: 'dist/index.js', content: 'x' };
    await expect(readArchive(await rawArchive([file, manifest]))).rejects.toMatchObject(refused);
    await expect(readArchive(await rawArchive([file]))).rejects.toMatchObject(refused);
    await expect(readArchive(await rawArchive([]))).rejects.toMatchObject(refused);
  });

  it('refuses what is no gzip file, no tar, or only the beginning of one', async () => {
    const tar = await rawTar([manifest, { name: 'dist/index.js', content: randomBytes(4000) }]);
    const archive = gzipSync(tar);
    const broken = [
      new Uint8Array(),
      Buffer.from('PK\u0003\u0004'),
      tar,
      archive.subarray(0, archive.byteLength - 20),
      gzipSync(tar.subarray(0, 3000)),
      gzipSync(Buffer.from('not a tar'.repeat(500))),
    ];
    for (const bytes of broken) await expect(readArchive(bytes)).rejects.toMatchObject(refused);
  });

  it('refuses what another tar program would not list, or list under another name', async () => {
    const file = await rawTar([{ name: 'dist/hidden.js', content: 'x' }]);
    const first = await rawTar([manifest]);
    const extended = { name: 'dist/a.js', content: 'x', pax: { path: 'dist/b.js' } };
    const archives = [
      gzipSync(Buffer.concat([first, file])),
      gzipSync(Buffer.concat([first, Buffer.from('more')])),
      await rawArchive([manifest, extended]),
      await rawArchive([manifest, { name: 'dist/a.js', content: 'x', pax: { size: '0' } }]),
    ];
    for (const archive of archives) await expect(readArchive(archive)).rejects.toMatchObject(refused);
    expect((await readArchive(gzipSync(Buffer.concat([first, Buffer.alloc(8192)])))).size).toBe(1);
  });

  it('refuses a bomb by its ratio, and without unpacking it', async () => {
    const bomb = gzipSync(
      await rawTar([manifest, { name: 'dist/zeros', content: Buffer.alloc(19_000_000) }]),
    );
    expect(bomb.byteLength * 100).toBeLessThan(19_000_000);
    await expect(readArchive(bomb)).rejects.toMatchObject(refused);
  });

  it('refuses more than 20 MiB unpacked', async () => {
    const noise = randomBytes(MAX_UNPACKED_BYTES / 2);
    const half = { name: 'dist/a', content: noise };
    const archive = gzipSync(
      await rawTar([manifest, half, { name: 'dist/b', content: Buffer.alloc(noise.length) }]),
    );
    expect(archive.byteLength).toBeLessThan(MAX_UNPACKED_BYTES);
    await expect(readArchive(archive)).rejects.toMatchObject(refused);
    await expect(readArchive(Buffer.alloc(MAX_UNPACKED_BYTES + 1))).rejects.toMatchObject(refused);
  });

  it('takes 2,000 entries and not one more', async () => {
    const entries = Array.from({ length: MAX_ENTRIES }, (_, i) => ({
      name: `dist/${i}`,
      content: randomBytes(20),
    }));
    const fits = await readArchive(await rawArchive([manifest, ...entries.slice(1)]));
    expect(fits.size).toBe(MAX_ENTRIES);
    await expect(readArchive(await rawArchive([manifest, ...entries]))).rejects.toMatchObject(refused);
  });

  it('does not wait for an entry whose size is no number', async () => {
    const tar = await rawTar([manifest, { name: 'dist/index.js', content: 'x' }]);
    tar[124] = 0xd8; // neither octal nor base 256: the size of the first entry, with its checksum mended
    const header = Buffer.from(tar.subarray(0, 512)).fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await expect(readArchive(gzipSync(tar))).rejects.toMatchObject(refused);
  });
});
