import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost } from '../../support/host.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { serving } from '../../support/sources.ts';
import { type Folder, temporaryFolder } from './mag-process.ts';

describe('bundles on the command line', () => {
  let folder: Folder;
  let host: TestHost;

  beforeAll(async () => {
    [folder, host] = await Promise.all([temporaryFolder(), TestHost.start()]);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const run = (...args: string[]) =>
    runMag(args, { cwd: folder.path, env: { MAG_URL: host.url, MAG_TOKEN: host.token } });
  const done = async (...args: string[]) => {
    const ran = await run(...args);
    expect([args.join(' '), ran.exitCode, ran.stderr]).toEqual([args.join(' '), 0, '']);
    return ran.stdout;
  };
  /** Packs and signs a folder with these files. */
  const publish = async (name: string, version: string, files: Record<string, string>) => {
    const dir = `${name}-${version}`;
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder.path, dir, path, '..'), { recursive: true });
      await writeFile(join(folder.path, dir, path), text);
    }
    await done('extension:pack', dir, '--out', `${dir}.mag`);
    await done('extension:sign', `${dir}.mag`, '--key', 'acme.key');
  };
  const member = (name: string, version: string) => {
    const { name: _, ...members } = serving(name, ['GET /version'], { version });
    const about = { displayName: name, description: name, license: 'MIT', engines: { magflock: '^1.0.0' } };
    const head = { manifestVersion: 1, kind: 'extension', id: `acme/${name}`, entry: 'dist/index.js' };
    return publish(name, version, {
      'manifest.json': JSON.stringify({ ...head, ...about, ...members }),
      'dist/index.js': `export default { endpoints: { 'GET /version': async () => ({ body: '${version}' }) } };`,
    });
  };
  const pack = (version: string, extensions: Record<string, string>) =>
    publish('pack', version, {
      'manifest.json': JSON.stringify({ kind: 'bundle', id: 'acme/pack', version, extensions }),
      'README.md': '# Pack',
    });

  it('packs, signs, installs, shows, upgrades, rolls back and uninstalls one', async () => {
    await done('key:generate', '--out', 'acme');
    await done('trust:add', 'acme', '--key', 'acme.pub', '--tier', 'verified');
    await pack('1.0.0', { 'acme/one': '^1.0.0', 'acme/two': '^1.0.0' });
    expect(await done('extension:verify', 'pack-1.0.0.mag', '--key', 'acme.pub')).toContain(
      '  acme/two ^1.0.0',
    );

    const lacking = await run('extension:install', 'pack-1.0.0.mag', '--approve', 'all', '--yes');
    expect(lacking.exitCode).toBe(1);
    expect(lacking.stderr).toContain('acme/pack 1.0.0 -> acme/one ^1.0.0: there is no version of it');
    expect(await done('extension:stage', 'pack-1.0.0.mag')).toContain(
      'warning: its member acme/one ^1.0.0 is not staged',
    );
    const refusal = await run('extension:install', 'acme/pack', '--approve', 'all', '--yes');
    expect([refusal.exitCode, refusal.stderr]).toEqual([1, expect.stringContaining('E_DEPENDENCY')]);
    expect(refusal.stderr).toContain('acme/pack 1.0.0 -> acme/one ^1.0.0: there is no version of it');

    for (const name of ['one', 'two']) {
      await member(name, '1.0.0');
      await done('extension:stage', `${name}-1.0.0.mag`);
    }
    const unsaid = await run('extension:install', 'pack-1.0.0.mag', '--yes');
    expect(unsaid.exitCode).toBe(2); // its members ask for capabilities
    const args = ['--approve', 'all', '--enable', '--yes'];
    const installed = await done('extension:install', 'pack-1.0.0.mag', ...args);
    expect(installed).toMatch(/acme\/two\s+api\.register_endpoint/);
    expect(installed).toContain('acme/pack 1.0.0 is installed and enabled');
    expect(await done('extension:list')).toMatch(/acme\/pack\s+bundle\s+1\.0\.0\s+enabled/);
    expect(await done('extension:show', 'acme/pack')).toMatch(/acme\/one\s+\^1\.0\.0\s+1\.0\.0\s+enabled/);

    await member('one', '1.1.0');
    await done('extension:stage', 'one-1.1.0.mag');
    await pack('1.1.0', { 'acme/one': '^1.1.0', 'acme/two': '^1.0.0' });
    const upgraded = await done('extension:upgrade', 'acme/pack', '--to', 'pack-1.1.0.mag', '--yes');
    expect(upgraded).toContain('members: acme/one 1.0.0 -> 1.1.0');
    expect((await host.ask('GET', '/x/acme/one/version')).body).toBe('1.1.0');
    await done('extension:rollback', 'acme/pack', '--yes');
    expect((await host.ask('GET', '/x/acme/one/version')).body).toBe('1.0.0');

    const alone = await run('extension:disable', 'acme/one', '--yes');
    expect(alone.exitCode).toBe(0);
    const gone = await run('extension:uninstall', 'acme/one', '--yes');
    expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringContaining('E_DEPENDENTS')]);
    await done('extension:enable', 'acme/one');
    expect(await done('extension:disable', '--all-third-party', '--yes')).toContain('3 stopped');
    await done('extension:uninstall', 'acme/pack', '--yes');
    expect(JSON.parse(await done('extension:list', '--output', 'json'))).toEqual([]);
  });
});
