import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgresTools, runTool } from '../../../host/storage/postgres-tools.ts';
import { MagError } from '../../../kernel/errors.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'magflock-tools-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A folder with programs that say they are of these releases; with anything else they do `script`. */
async function folder(dump: string, restore = dump, script = 'exit 0'): Promise<string> {
  const dir = await mkdtemp(join(root, 'bin-'));
  await mkdir(dir, { recursive: true });
  for (const [name, version] of [
    ['pg_dump', dump],
    ['pg_restore', restore],
  ] as const) {
    const text = `#!/bin/sh\nif [ "$1" = --version ]; then echo "${name} (PostgreSQL) ${version}"; exit 0; fi\n${script}\n`;
    await writeFile(join(dir, name), text);
    await chmod(join(dir, name), 0o755);
  }
  return dir;
}

const target = {
  host: '/var/run',
  port: 5433,
  user: 'mag',
  password: 'hush-hush',
  database: "odd ' name",
  applicationName: 'magflock test',
  parameters: new Map([['sslmode', 'no-verify']]),
};

describe('the tools of Postgres', () => {
  it('are those closest to the server, and not older', async () => {
    const dirs = [await folder('97.4'), await folder('99.2'), await folder('98.1')];
    const found = await findPostgresTools({ folder: null, path: dirs.join(':') }, 980_003);
    expect(found).toEqual({
      dump: join(dirs[2] ?? '', 'pg_dump'),
      restore: join(dirs[2] ?? '', 'pg_restore'),
      version: '98.1',
    });
  });

  it.each([
    ['too old for the server', '14.30', '14.30', 150_019, /Postgres 15 or newer.*found: 14.30/],
    ['of a release with a known hole', '15.13', '15.13', 150_019, /found: 15.13/],
    ['of two releases', '18.1', '18.2', 150_019, /none was found/],
    ['none at all', 'x', 'x', 180_004, /Postgres 18 or newer.*none was found.*MAG_PG_BIN/],
  ])('are refused when they are %s', async (_what, dump, restore, server, message) => {
    const found = findPostgresTools({ folder: await folder(dump, restore), path: '' }, server);
    await expect(found).rejects.toMatchObject({
      code: 'E_BACKUP_TOOLS',
      message: expect.stringMatching(message),
    });
  });

  it('get the connection in their environment, and nothing else of this process', async () => {
    const seen = join(root, 'seen');
    const dir = await folder('99.1', '99.1', `(echo "$@"; env; cat) > ${seen}`);
    await runTool(join(dir, 'pg_restore'), ['--flag'], target, {
      input: Readable.from(['what is restored']),
      signal: new AbortController().signal,
    });
    const [args, ...rest] = (await readFile(seen, 'utf8')).split('\n');
    expect(args).toBe('--flag');
    expect(rest).toEqual(
      expect.arrayContaining([
        'PGPASSWORD=hush-hush',
        "PGDATABASE=odd ' name",
        'PGHOST=/var/run',
        'PGSSLMODE=require',
      ]),
    );
    expect(rest.at(-1)).toBe('what is restored');
    expect(rest.some((line) => line.startsWith('HOME=') || line.startsWith('npm_'))).toBe(false);
  });

  it('tell why they failed, in their own words', async () => {
    const complaint = 'pg_restore: error: could not execute query: ERROR:  role "x" does not exist';
    const dir = await folder(
      '99.1',
      '99.1',
      `echo 'pg_restore: warning: x' >&2; echo '${complaint}' >&2; exit 1`,
    );
    const signal = new AbortController().signal;
    await expect(runTool(join(dir, 'pg_restore'), [], target, { signal })).rejects.toMatchObject({
      code: 'E_BACKUP',
      message: 'could not execute query: ERROR:  role "x" does not exist',
    });
    const absent = runTool(join(dir, 'absent'), [], target, { signal });
    await expect(absent).rejects.toMatchObject({ code: 'E_BACKUP' });
  });

  it('end when they are told to, for that reason', async () => {
    const dir = await folder('99.1', '99.1', 'exec sleep 600');
    const reason = new MagError('E_SHUTDOWN', 'stopping');
    const stop = new AbortController();
    const running = runTool(join(dir, 'pg_dump'), [], target, { signal: stop.signal });
    setTimeout(() => stop.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
  });
});
