import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { serving } from '../../support/sources.ts';
import { type Folder, temporaryFolder } from './mag-process.ts';

describe('registries on the command line', () => {
  let folder: Folder;
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [folder, host, author] = await Promise.all([temporaryFolder(), TestHost.start(), Author.create('acme')]);
    await host.trust(author);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const on = (target: TestHost, args: readonly string[], cwd = folder.path) =>
    runMag(args, { cwd, env: { MAG_URL: target.url, MAG_TOKEN: target.token } });
  const done = async (...args: string[]) => {
    const ran = await on(host, args);
    expect([args.join(' '), ran.exitCode, ran.stderr]).toEqual([args.join(' '), 0, '']);
    return ran.stdout;
  };
  const refused = async (...args: string[]) => {
    const { exitCode, stderr } = await on(host, args);
    expect([args.join(' '), exitCode]).toEqual([args.join(' '), 1]);
    return stderr;
  };
  /** Writes the package and its signature, as `extension:pack` and `extension:sign` do. */
  const pack = async (
    name: string,
    version: string,
    dependencies: Record<string, string> = {},
    code = `export default { endpoints: { 'GET /version': async () => ({ body: '${version}' }) } };`,
  ) => {
    const manifest = serving(name, ['GET /version'], { version, dependencies });
    const { archive, bundle } = await author.publish({ manifest, code });
    const file = join(folder.path, `${name}-${version}.mag`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, archive);
    await writeFile(`${file}.sigstore.json`, bundle);
    return `${name}-${version}.mag`;
  };
  const publish = async (...args: Parameters<typeof pack>) =>
    done('extension:publish', await pack(...args), '--registry', './registry');
  const lock = async () => JSON.parse(await readFile(join(folder.path, 'mag.lock'), 'utf8')).packages;

  it('publishes, finds, installs with what is needed, upgrades, locks and removes', async () => {
    expect(await publish('base', '1.0.0')).toContain('acme/base 1.0.0 is published');
    await publish('hello', '1.0.0', { 'acme/base': '^1.0.0' });
    expect(await done('extension:publish', 'base-1.0.0.mag', '--registry', './registry')).toContain(
      'already',
    );
    await done('registry:add', 'team', 'registry');
    expect(await done('registry:list')).toMatch(/checkout.*\n *team +.*registry/);
    expect(await done('extension:search', 'hello')).toMatch(/acme\/hello +1\.0\.0 +extension +team/);

    const unsaid = await on(host, ['extension:install', 'acme/hello@^1', '--yes']);
    expect(unsaid.exitCode).toBe(2);
    const installed = await done(
      ...['extension:install', 'acme/hello@^1', '--approve', 'all', '--enable', '--yes'],
    );
    expect(installed).toMatch(
      /acme\/base +1\.0\.0 +team +to install\nacme\/hello +1\.0\.0 +team +to install/,
    );
    expect(installed.match(/It asks for:/g)).toHaveLength(2);
    expect(installed).not.toContain('warning');
    expect(installed).toContain('acme/hello 1.0.0 is installed and enabled');
    expect((await host.ask('GET', '/x/acme/base/version')).body).toBe('1.0.0');
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    expect(await lock()).toEqual({
      'acme/base': { version: '1.0.0', digest, registry: 'team' },
      'acme/hello': { version: '1.0.0', digest, registry: 'team' },
    });

    await publish('extra', '1.0.0');
    expect(await refused('extension:upgrade', 'acme/extra', '--to', '1.0.0', '--yes')).toContain('E_STATE');
    expect((await host.ask('GET', '/v1/extensions/acme/extra')).status).toBe(404); // not staged either
    const needs = { 'acme/base': '^1.0.0', 'acme/extra': '^1.0.0' };
    await publish('hello', '1.1.0', needs);
    await publish('hello', '1.2.0', needs, 'export default {};');
    const args = ['--approve', 'all', '--yes'];
    const broken = await refused('extension:upgrade', 'acme/hello', '--to', '^1.2.0', ...args);
    expect(broken).toContain('GET /version'); // declared, and not there

    expect((await host.ask('GET', '/v1/extensions/acme/extra')).status).toBe(404); // it went again
    expect((await lock())['acme/hello']).toMatchObject({ version: '1.0.0' });
    const upgraded = await done('extension:upgrade', 'acme/hello', '--to', '1.1.0', ...args);
    expect(upgraded).toContain('acme/hello 1.1.0 is upgraded');
    expect((await host.show('acme/extra')).state).toBe('enabled');
    expect((await lock())['acme/hello']).toMatchObject({ version: '1.1.0', registry: 'team' });
    await done('extension:rollback', 'acme/hello', '--yes');
    expect((await lock())['acme/hello']).toMatchObject({ version: '1.0.0' });

    await done('extension:disable', 'acme/hello', '--yes');
    await done('extension:uninstall', 'acme/hello', '--yes');
    expect(Object.keys(await lock())).toEqual(['acme/base', 'acme/extra']);
    expect((await readdir(folder.path)).filter((name) => name.startsWith('mag.lock'))).toEqual(['mag.lock']);
    await done('registry:remove', 'team');
    expect(await refused('extension:install', 'acme/hello@9', '--approve', 'all', '--yes')).toContain(
      'E_NOT_FOUND',
    );
  });

  it('gives another host what the lock file says, and nothing else', async () => {
    await publish('alpha', '1.0.0');
    await publish('beta', '1.0.0', { 'acme/alpha': '*' });
    await done('registry:add', 'team', 'registry');
    await done('extension:install', 'acme/beta', '--approve', 'all', '--yes', '--lock', 'other.lock');
    await publish('alpha', '1.1.0');
    await using second = await TestHost.start();
    await second.trust(author);
    await on(second, ['registry:add', 'team', 'registry']);
    const locked = ['--locked', '--lock', 'other.lock', '--approve', 'all', '--yes'];

    const unknown = await on(second, ['extension:install', 'acme/extra', ...locked]);
    expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringContaining('E_LOCK_MISMATCH')]);
    const all = await on(second, ['extension:install', ...locked, '--enable']);
    expect([all.exitCode, all.stderr]).toEqual([0, '']);
    expect(all.stdout).toContain('acme/alpha 1.0.0 is enabled\nacme/beta 1.0.0 is enabled');
    expect((await second.show('acme/alpha')).version).toBe('1.0.0');
    const upgraded = await on(second, [
      'extension:upgrade',
      'acme/alpha',
      '--to',
      '1.1.0',
      '--no-lock',
      '--yes',
    ]);
    expect([upgraded.exitCode, upgraded.stderr]).toEqual([0, '']);
    const differs = await on(second, ['extension:install', '--frozen', ...locked.slice(1)]);
    expect([differs.exitCode, differs.stderr]).toEqual([
      1,
      expect.stringContaining('acme/alpha is installed as 1.1.0, locked is 1.0.0'),
    ]);
  });

  it('installs a file with what it needs from a registry', async () => {
    const file = await pack('gamma', '1.0.0', { 'acme/delta': '^1.0.0' });
    expect(await refused('extension:install', file, '--approve', 'all', '--yes', '--no-lock')).toContain(
      'E_DEPENDENCY: missing: acme/gamma 1.0.0 -> acme/delta ^1.0.0',
    );
    await publish('delta', '1.2.0');
    const args = ['--approve', 'all', '--yes', '--no-lock'];
    expect(await done('extension:install', file, ...args)).toContain('acme/gamma 1.0.0 is installed');
    expect((await host.show('acme/delta')).version).toBe('1.2.0');
  });

  it('refuses to publish where it cannot', async () => {
    const file = await pack('epsilon', '1.0.0');
    const nowhere = await refused('extension:publish', file, '--registry', 'nowhere');
    expect(nowhere).toContain('E_NOT_FOUND');
    const web = { name: 'web', location: 'https://packages.example.com/' };
    await host.ask('POST', '/v1/registries', { body: web });
    const [address, before] = ['https://packages.example.com/mag/', await readdir(folder.path)];
    expect(await refused('extension:publish', file, '--registry', address)).toContain('E_BAD_REQUEST');
    expect(await readdir(folder.path)).toEqual(before); // no folder named https:
    expect(await refused('extension:publish', file, '--registry', 'web')).toContain('E_BAD_REQUEST');
    await host.ask('DELETE', '/v1/registries/web');
  });
});
