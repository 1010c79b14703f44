import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost } from '../../support/host.ts';
import { LongMag, leftIn, writeExtension } from './dev-extension.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

const source = (greeting: string, more = '') => `import { defineExtension } from '#sdk';

export default defineExtension({
  endpoints: {
    'GET /greet': async (_request, ctx) => {
      ctx.log.info('greeting');
      ${more}
      return { body: { hello: '${greeting}' } };
    },
  },
});
`;

describe('extension:dev on a running host', () => {
  let host: TestHost;
  let folder: Folder;
  let dir: string;
  let tmp: string;
  let dev: LongMag;
  let seen = 0;

  beforeAll(async () => {
    [host, folder] = await Promise.all([TestHost.start(), temporaryFolder()]);
    tmp = join(folder.path, 'tmp');
    await mkdir(tmp);
    dir = await writeExtension(folder.path, ['GET /greet'], source('one'));
    dev = new LongMag(['extension:dev', dir, '--yes', '--output', 'json', ...at()], folder.path, tmp);
  });
  afterAll(async () => {
    await dev?.interrupt();
    await host?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const at = () => ['--url', host.url, '--token', host.token];
  const save = (text: string, name = 'src/index.ts') => writeFile(join(dir, name), text);
  const greet = async () => (await host.ask('GET', '/x/acme/probe/greet')).body;

  /** The next line with such a member; those before it are passed over. */
  // biome-ignore lint/suspicious/noExplicitAny: lines of every shape
  async function next(member: 'live' | 'error' | 'message'): Promise<any> {
    for (;;) {
      const lines = await dev.lines(seen + 1);
      const found = lines.slice(seen).findIndex((line) => line[member] !== undefined);
      seen = found < 0 ? lines.length : seen + found + 1;
      if (found >= 0) return lines[seen - 1][member];
    }
  }

  it('installs what is in the folder, under a version on the way to that of the manifest', async () => {
    expect(await next('live')).toMatchObject({ id: 'acme/probe', ms: expect.any(Number) });
    expect(await greet()).toEqual({ hello: 'one' });
    expect((await host.show('acme/probe')).version).toMatch(/^1\.0\.0-dev\.\d{13}$/);
  });

  it('shows what it logs', async () => {
    await greet();
    expect(await next('message')).toBe('greeting');
  });

  it('swaps every change in', async () => {
    await save(source('two'));
    await next('live');
    expect(await greet()).toEqual({ hello: 'two' });
    const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
    expect(manifest.version).toBe('1.0.0'); // the folder stays the author's
  });

  it('says where code does not compile, and what ran before goes on', async () => {
    await save(source('three', 'const = 1;'));
    const { code, detail } = await next('error');
    expect(code).toBe('E_PKG_INVALID');
    expect(detail).toContain('src/index.ts:7');
    expect(await greet()).toEqual({ hello: 'two' });
  });

  it('says where code fails, in the line of the author', async () => {
    await save(source('four', `throw new Error('no greeting today');`));
    await next('live');
    expect((await greet()).code).toBe('E_EXTENSION');
    const lines = async () => JSON.stringify(await dev.lines(seen));
    await expect.poll(lines, { timeout: 90_000 }).toMatch(/no greeting today.*src\/index\.ts:7/);
  });

  it('takes a migration that was added, in a folder that was not there', async () => {
    await mkdir(join(dir, 'migrations'));
    await save('create table said (greeting text);', 'migrations/0001_said.up.sql');
    await save('drop table said;', 'migrations/0001_said.down.sql');
    const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
    const reads = { name: 'database.read', reason: 'Reads what was said.' };
    const whole = { ...manifest, migrations: 'migrations', capabilities: [...manifest.capabilities, reads] };
    await save(JSON.stringify(whole), 'manifest.json');
    await save(source('five', `await ctx.db.query('select greeting from said');`));
    await expect.poll(greet, { timeout: 90_000 }).toEqual({ hello: 'five' });
    const { grants } = await host.show('acme/probe');
    expect(grants.map(({ capability }: { capability: string }) => capability)).toContain('database.read');
  });

  it('ends with Ctrl-C, and leaves the extension and no temporary folder', async () => {
    expect(await dev.interrupt()).toBe(0);
    expect(await leftIn(tmp)).toEqual([]);
    expect(await greet()).toEqual({ hello: 'five' });
  });

  it('goes on where a released version is higher, and does not ask for trust again', async () => {
    const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
    await save(JSON.stringify({ ...manifest, version: '0.9.0' }), 'manifest.json');
    // Without --yes and without a terminal: any question would end it.
    dev = new LongMag(['extension:dev', dir, '--output', 'json', ...at()], folder.path, tmp);
    seen = 0;
    expect((await next('live')).version).toMatch(/^1\.0\.0-dev\.\d{13}$/);
  });

  it('refuses a folder without a manifest, a host that is not there, and a database of its own', async () => {
    const run = (...args: string[]) => mag(['extension:dev', ...args, '--yes'], { cwd: folder.path });
    const nowhere = await run(folder.path, ...at());
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([1, expect.stringContaining('there is no manifest')]);
    const nobody = await run(dir, '--url', 'http://127.0.0.1:9');
    expect([nobody.exitCode, nobody.stderr]).toEqual([1, expect.stringContaining('E_UNREACHABLE')]);
    const database = await run(dir, '--database', 'postgres://x', ...at());
    expect([database.exitCode, database.stderr]).toEqual([2, expect.stringContaining('--inspect')]);
    await rm(join(dir, '.mag'), { recursive: true });
    const unasked = await mag(['extension:dev', dir, ...at()], { cwd: folder.path });
    expect([unasked.exitCode, unasked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
  });
});
