import { cp, readFile, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packExtension } from '../../../host/packaging/index.ts';
import { readArchive } from '../../../kernel/trust/archive.ts';
import { MANIFEST } from '../../kernel/trust/fixtures/packages.ts';
import { temporaryFolders, writeFiles } from './fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();
const manifest = JSON.stringify(MANIFEST);
const refused = { code: 'E_PKG_INVALID' };

async function extension(files: Record<string, string>): Promise<string> {
  const dir = join(await newFolder(), 'extension');
  await writeFiles(dir, { 'manifest.json': manifest, ...files });
  return dir;
}

async function textIn(file: string, name: string): Promise<string> {
  const files = await readArchive(await readFile(file));
  return Buffer.from(files.get(name) ?? []).toString();
}

describe('packExtension', () => {
  it('packs a hand-written entry as it is, and only what belongs into a package', async () => {
    const code = 'export default { health: () => ({ healthy: true }) };\n';
    const dir = await extension({
      'dist/index.js': code,
      'dist/lib/z.js': 'export {};',
      'ui/index.html': '<p>',
      'README.md': '# Hello',
      LICENSE: 'MIT',
      'acme.key': 'secret',
      '.env': 'SECRET=1',
      'dist/.cache/x': 'x',
      'node_modules/x/index.js': 'x',
      'test/a.test.ts': 'x',
    });
    const packed = await packExtension(dir);
    expect(packed.file).toBe(join(dir, 'acme-hello-1.0.0.mag'));
    expect(packed.entries).toEqual([
      'manifest.json',
      'LICENSE',
      'README.md',
      'dist/index.js',
      'dist/lib/z.js',
      'ui/index.html',
    ]);
    expect(await textIn(packed.file, 'dist/index.js')).toBe(code);
    expect((await readFile(packed.file)).byteLength).toBe(packed.sizeBytes);
  });

  it('gives the same bytes for the same files, wherever and whenever they lie', async () => {
    const dir = await extension({
      'src/index.ts':
        "import { defineExtension } from '#sdk';\nimport { a } from './a.ts';\nexport default defineExtension(a);",
      'src/a.ts': 'export const a = {};',
    });
    const first = await packExtension(dir);
    const elsewhere = join(await newFolder(), 'far/away/from/it');
    await cp(dir, elsewhere, { recursive: true });
    await utimes(join(elsewhere, 'manifest.json'), 1, 1);
    const out = join(await newFolder(), 'out/x.mag');
    const second = await packExtension(elsewhere, out);
    expect(second.file).toBe(out);
    expect(second.digest).toBe(first.digest);
    expect(await readFile(out)).toEqual(await readFile(first.file));
    expect((await packExtension(dir)).digest).toBe(first.digest);
  });

  it('bundles the source with the SDK of this checkout, under both of its names', async () => {
    const dir = await extension({
      'src/index.ts': `
        import { defineExtension, type Context } from '#sdk';
        import { ExtensionError } from '@magflock/sdk';
        export default defineExtension({ start(ctx: Context) { throw new ExtensionError('NO', ctx.extension.id); } });`,
    });
    const { file, entries } = await packExtension(dir);
    expect(entries).toContain('dist/index.js.map');
    const code = await textIn(file, 'dist/index.js');
    expect(code).toContain('ExtensionError');
    expect(code).not.toMatch(/\bimport\b/);
    expect(code).not.toContain(process.cwd());
    expect(await textIn(file, 'dist/index.js.map')).not.toContain(process.cwd());
    const module = await import(join(dir, 'dist/index.js'));
    expect(Object.keys(module.default)).toEqual(['start']);
  });

  it.each([
    ['a module of Node', 'src/index.ts', "import fs from 'node:fs'; export default fs;", 'node:fs'],
    [
      'a package that is not there',
      'src/index.ts',
      "import x from 'left-pad'; export default x;",
      'left-pad',
    ],
    ['a module of Node, by hand', 'dist/index.js', "import fs from 'node:fs'; export default fs;", 'node:fs'],
    ['a neighbour, by hand', 'dist/index.js', "export { default } from './other.js';", './other.js'],
    ['something later, by hand', 'dist/index.js', "export default { start: () => import('x-y') };", 'x-y'],
  ])('refuses code that imports %s, and names it', async (_what, name, code, named) => {
    const dir = await extension({ [name]: code });
    const packing = packExtension(dir);
    await expect(packing).rejects.toMatchObject({ ...refused, message: expect.stringContaining(named) });
  });

  it('refuses code that is none', async () => {
    await expect(packExtension(await extension({ 'src/index.ts': 'const = ;' }))).rejects.toMatchObject(
      refused,
    );
    await expect(packExtension(await extension({ 'dist/index.js': 'const = ;' }))).rejects.toMatchObject(
      refused,
    );
    await expect(packExtension(await extension({}))).rejects.toMatchObject(refused);
  });

  it('refuses what the host would refuse', async () => {
    const code = 'export default {};';
    const cases: [Record<string, string>, string][] = [
      [{ 'manifest.json': '{}' }, 'E_MANIFEST_INVALID'],
      [
        {
          'manifest.json': JSON.stringify({
            ...MANIFEST,
            contributes: { hooks: [{ hook: 'magds.before_query' }] },
          }),
        },
        'E_UNSUPPORTED',
      ],
      [{ 'dist/addon.node': 'x' }, 'E_PKG_INVALID'],
      [{ 'dist/caf\u00e9.txt': 'x' }, 'E_PKG_INVALID'],
      [{ 'manifest.json': JSON.stringify({ ...MANIFEST, migrations: 'migrations' }) }, 'E_PKG_INVALID'],
    ];
    for (const [files, expected] of cases) {
      const dir = await extension({ 'dist/index.js': code, ...files });
      await expect(packExtension(dir)).rejects.toMatchObject({ code: expected });
      await expect(readFile(join(dir, 'acme-hello-1.0.0.mag'))).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  it('refuses links, so that nothing outside the folder is packed', async () => {
    const dir = await extension({ 'dist/index.js': 'export default {};' });
    await symlink('/etc/hostname', join(dir, 'dist/hostname'));
    await expect(packExtension(dir)).rejects.toMatchObject(refused);
  });

  it('refuses a folder without a manifest', async () => {
    await expect(packExtension(await newFolder())).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    await expect(packExtension(join(await newFolder(), 'absent'))).rejects.toMatchObject({
      code: 'E_BAD_REQUEST',
    });
  });
});
