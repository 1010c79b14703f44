import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../host/free-ports.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

/** A host, and a process for each of a dozen commands. */
const PATIENCE_MS = 300_000;

/** The commands of a section of the README, without their comments. */
async function commandsOf(section: string): Promise<string[]> {
  const readme = await readFile(join(ROOT_DIR, 'README.md'), 'utf8');
  const [, body = ''] = readme.split(`## ${section}\n`);
  const lines = (body.split('\n## ')[0] ?? '').split('\n').filter((line) => /^ {4}\S/.test(line));
  return lines.map((line) => line.replace(/\s+#.*$/, '').trim());
}

describe('the README', () => {
  let folder: Folder;
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await temporaryFolder();
    await chmod(folder.path, 0o711);
    database = await createTestDatabase();
    env = { MAG_PORT: String(await freePort()), DATABASE_URL: database.url };
  });
  afterAll(async () => {
    await database.drop();
    await folder[Symbol.asyncDispose]();
  });

  it('leads to a first extension, command by command', { timeout: PATIENCE_MS }, async () => {
    const host = spawn(process.execPath, [join(ROOT_DIR, 'host/main.ts')], {
      cwd: folder.path,
      env: { PATH: process.env.PATH, MAG_LOG_LEVEL: 'error', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [greeting] = await once(host.stdout, 'data');
      expect(String(greeting)).toContain('is ready at');
      const commands = await commandsOf('A first extension in five minutes');
      expect(commands.length).toBeGreaterThan(8);
      for (const command of commands) await play(command);
    } finally {
      host.kill('SIGTERM');
      await once(host, 'close');
    }
  });

  async function play(command: string): Promise<void> {
    const [program = '', ...args] = command.split(/ +/);
    if (program === 'npx') {
      const run = await mag(args.slice(1), { cwd: folder.path, env });
      expect([command, run.exitCode, run.stderr]).toEqual([command, 0, '']);
      return;
    }
    expect(program).toBe('curl');
    const path = new URL(args.at(-1) ?? '').pathname;
    const token = (await readFile(join(folder.path, 'data/admin.token'), 'utf8')).trim();
    const url = `http://127.0.0.1:${env.MAG_PORT}${path}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, await answer.json()]).toEqual([200, { hello: 'Ada', greetings: 1 }]);
    expect((await fetch(url)).status).toBe(401);
  }
});
