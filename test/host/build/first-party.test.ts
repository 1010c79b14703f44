import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../../host/paths.ts';
import { copyCheckout } from '../../support/checkout.ts';

const run = promisify(execFile);
/** The build, and two extensions to build. */
const PARTS =
  /^(package\.json|tsconfig\.json|(host|kernel|manifests|adapters)\/|extensions\/(guestbook|modes)\/)/;
const PACKAGES = '.build/packages';

describe('the packages of a checkout', () => {
  let clone: string;

  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'magflock-build-'));
    await chmod(clone, 0o755);
    await copyCheckout(clone, (path) => PARTS.test(path));
    await symlink(join(ROOT_DIR, 'node_modules'), join(clone, 'node_modules'));
  });
  afterAll(() => rm(clone, { recursive: true, force: true }));

  const build = async (): Promise<string[]> => {
    const { stdout } = await run(process.execPath, ['host/build/build.ts'], { cwd: clone });
    return stdout
      .trim()
      .split('\n')
      .map((path) => relative(clone, path));
  };
  /** When each file below a folder was written, by its path. */
  const written = async (folder: string): Promise<Record<string, number>> => {
    const entries = await readdir(join(clone, folder), { withFileTypes: true, recursive: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    const times = files.map(async (file) => [relative(clone, file), (await stat(file)).mtimeMs] as const);
    return Object.fromEntries(await Promise.all(times));
  };

  it('are built and signed once, and left alone while they are newer than their sources', async () => {
    const built = await build();
    expect(built.filter((path) => path.endsWith('.mag'))).toHaveLength(2);
    const before = await written('.build');
    expect(await build()).toEqual(built);
    expect(await written('.build')).toEqual(before);
  });

  it('are built anew from a source that is newer, with the same key, and the others are not', async () => {
    const before = await written('.build');
    const manifest = join(clone, 'extensions/guestbook/manifest.json');
    const changed = { ...JSON.parse(await readFile(manifest, 'utf8')), description: 'Says something else.' };
    await writeFile(manifest, JSON.stringify(changed));
    const [file = ''] = (await build()).filter((path) => path.includes('guestbook'));
    const after = await written('.build');
    const rewritten = Object.keys(after).filter((path) => after[path] !== before[path]);
    expect(rewritten.sort()).toEqual([file, `${file}.sigstore.json`, `${PACKAGES}/index.json`].sort());
    const digest = createHash('sha256')
      .update(await readFile(join(clone, file)))
      .digest();
    const { messageSignature } = JSON.parse(await readFile(join(clone, `${file}.sigstore.json`), 'utf8'));
    expect(messageSignature.messageDigest.digest).toBe(digest.toString('base64'));
    expect(await readFile(join(clone, PACKAGES, 'index.json'), 'utf8')).toContain(digest.toString('hex'));
  });
});
