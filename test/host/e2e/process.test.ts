import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../../host/paths.ts';
import { Author } from '../../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const MAIN = join(ROOT_DIR, 'host/main.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host as a process of its own. */
class HostProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(env: Record<string, string>) {
    this.child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH ?? '', MAG_LOG_LEVEL: 'error', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => (this.#stdout += chunk));
    this.child.stderr?.on('data', (chunk) => (this.#stderr += chunk));
    this.ended = once(this.child, 'close').then(([code]) => ({
      code,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** Resolves with its address when it serves. */
  async ready(): Promise<string> {
    const text = await until(
      async () => this.#stdout,
      (out) => out.includes('is ready at') || this.child.exitCode !== null,
    );
    const url = /ready at (\S+)/.exec(text)?.[1];
    if (url === undefined) throw new Error(`it did not start: ${this.#stderr}`);
    return url;
  }

  async kill(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

describe('the host as a process', () => {
  let dataDir: string;
  let database: TestDatabase;
  let hosts: HostProcess[];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'magflock-process-'));
    await chmod(dataDir, 0o711);
    database = await createTestDatabase();
    hosts = [];
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.kill('SIGKILL')));
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const start = (env: Record<string, string> = {}) => {
    const host = new HostProcess({
      MAG_PORT: '0',
      MAG_DATA_DIR: dataDir,
      DATABASE_URL: database.url,
      ...env,
    });
    hosts.push(host);
    return host;
  };
  const ask = async (url: string, path: string, init: RequestInit = {}) => {
    const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
    const response = await fetch(`${url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
    });
    return (await response.json()) as Record<string, never>;
  };

  it('boots on the embedded Postgres, stops in order at SIGTERM, and finds everything again', async () => {
    const env = { DATABASE_URL: '' };
    const first = start(env);
    const url = await first.ready();
    const body = JSON.stringify({ name: 'kept', role: 'auditor' });
    await ask(url, '/v1/tokens', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    await access(pidFile); // Postgres runs
    expect((await first.kill('SIGTERM')).code).toBe(0);
    await expect(access(pidFile)).rejects.toMatchObject({ code: 'ENOENT' });

    const second = start(env);
    const tokens = await ask(await second.ready(), '/v1/tokens');
    expect(JSON.stringify(tokens)).toContain('kept');
    expect((await second.kill('SIGTERM')).code).toBe(0);
  });

  it('refuses a second host on the same data folder, and the first goes on', async () => {
    const env = { DATABASE_URL: '' };
    const first = start(env);
    const url = await first.ready();
    const ended = await start(env).ended;
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/^error E_CONFIG: .*\n$/)]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await first.kill('SIGTERM');
  });

  it('starts on what a killed host left running', async () => {
    const env = { DATABASE_URL: '' };
    const first = start(env);
    await first.ready();
    await first.kill('SIGKILL');
    const second = start(env);
    expect((await fetch(`${await second.ready()}/readyz`)).status).toBe(200);
    expect((await second.kill('SIGTERM')).code).toBe(0);
  });

  it.each([
    ['a wrong DATABASE_URL', async () => ({ DATABASE_URL: 'postgres://nobody:geheim@127.0.0.1:1/none' })],
    ['a DATABASE_URL that is none', async () => ({ DATABASE_URL: 'mysql://x' })],
    [
      'a data folder that cannot be one',
      async () => {
        await writeFile(join(dataDir, 'file'), '');
        return { MAG_DATA_DIR: join(dataDir, 'file', 'data') };
      },
    ],
    ['a port that is no port', async () => ({ MAG_PORT: 'seventy' })],
  ])('says in one line what is wrong with %s and leaves nothing running', async (_what, make) => {
    const ended = await start(await make()).ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error E_[A-Z_]+: [^\n]+\n$/);
    expect(ended.stderr).not.toContain('geheim');
  });

  it('says in one line that its port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const ended = await start({ MAG_PORT: String(port) }).ended;
    holder.close();
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/^error E_CONFIG: .*in use.*\n$/)]);
  });

  it('settles at the next start what a kill -9 cut off, and says so', async () => {
    await using author = await Author.create('acme');
    const signed = await author.publish({
      manifest: { ...serving('slow', ['GET /ping']), limits: { wallMs: 60_000 } },
      code: `export default { install: () => new Promise(() => {}), endpoints: { 'GET /ping': async () => ({}) } };`,
    });
    const first = start();
    const url = await first.ready();
    const json = { 'content-type': 'application/json' };
    const { publisher, publicKey } = author;
    await ask(url, '/v1/trust', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ publisher, publicKey, tier: 'verified' }),
    });
    const form = new FormData();
    form.append('package', new Blob([new Uint8Array(signed.archive)]), 'slow.mag');
    form.append('bundle', new Blob([signed.bundle]), 'slow.mag.sigstore.json');
    await ask(url, '/v1/extensions', { method: 'POST', body: form });
    const body = JSON.stringify({ version: '1.0.0', approve: 'all' });
    const { operation } = await ask(url, '/v1/extensions/acme/slow/install', {
      method: 'POST',
      headers: json,
      body,
    });
    const steps = async () =>
      (await database.pool.query('SELECT name FROM mag.operation_steps WHERE operation = $1', [operation]))
        .rows;
    await until(steps, (rows) => rows.some(({ name }) => name.startsWith('install()')));
    await first.kill('SIGKILL');

    const second = start();
    const again = await second.ready();
    const settled = await ask(again, `/v1/operations/${operation}`);
    expect(settled).toMatchObject({ state: 'rolled_back', error: { code: 'E_OPERATION_INTERRUPTED' } });
    expect(await ask(again, '/v1/extensions/acme/slow')).toMatchObject({ state: 'staged', grants: [] });
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS n FROM pg_namespace WHERE nspname = 'ext_acme_slow'`,
    );
    expect(rows).toEqual([{ n: 0 }]);
    const audit = await ask(again, '/v1/audit?limit=50');
    expect(JSON.stringify(audit)).toContain('operation.recovered');
    await second.kill('SIGTERM');
  });
});
