import { once } from 'node:events';
import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { HostProcess } from '../../support/host-process.ts';
import { serving } from '../../support/sources.ts';

/** A host starts more than once in a test, and each start may take as long as a busy machine lets it. */
describe('the host as a process', { timeout: 300_000 }, () => {
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

  it('says where it is, where its token lies and what to do next; on an old Postgres, that it is old', async () => {
    // What is asked for its version answers as the first release of 16 did.
    const { pathname } = new URL(database.url);
    await database.pool.query(`CREATE SCHEMA old; GRANT USAGE ON SCHEMA old TO public;
      CREATE FUNCTION old.current_setting(text) RETURNS text LANGUAGE sql STABLE AS
        $$ SELECT CASE $1 WHEN 'server_version_num' THEN '160000' ELSE pg_catalog.current_setting($1) END $$;
      ALTER DATABASE ${pathname.slice(1)} SET search_path = old, pg_catalog, public`);
    const host = start({ MAG_LOG_LEVEL: 'warn' });
    const url = await host.ready();
    const detail = 'Postgres 16.0 lacks security fixes of 16.15.';
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { ready: true, degradations: expect.arrayContaining([{ name: 'postgres', detail }]) },
    ]);
    const { stdout, stderr } = await host.kill('SIGTERM');
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `MagFlock is ready at ${url} (API reference: ${url}/docs)`,
      `  admin token: ${join(dataDir, 'admin.token')}`,
      '  next:        npx mag extension:new acme/hello --yes',
    ]);
    const warned = stderr.split('\n').filter((line) => line.includes(detail));
    expect(warned.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, detail }]);
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
    ['a mount that is not there', async () => ({ MAG_MOUNTS: 'reports=/there/is/none' })],
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
