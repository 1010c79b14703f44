import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../host/storage/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../host/storage/embedded-postgres.ts';
import { acquireHostLock } from '../../../host/storage/host-lock.ts';
import { HostProcess } from '../../support/host-process.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('embedded Postgres', () => {
  let dataDir: string;
  let servers: EmbeddedPostgres[];
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'magflock embedded-'));
    await chmod(dataDir, 0o711);
    servers = [];
  });
  afterEach(async () => {
    for (const server of servers) await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const start = async (folder = dataDir) => {
    const server = await startEmbeddedPostgres({ dataDir: folder, logger: silentLogger, durable: false });
    servers.push(server);
    return server;
  };
  const pidFile = () => join(dataDir, 'postgres', 'data', 'postmaster.pid');
  const pid = async () => Number((await readFile(pidFile(), 'utf8')).split('\n')[0]);
  const isGone = (id: number) => {
    try {
      process.kill(id, 0);
      return false;
    } catch {
      return true;
    }
  };

  // Its parent, the init of the machine, takes a moment to bury it.
  const gone = (id: number) => expect.poll(() => isGone(id), { timeout: 30_000 }).toBe(true);

  it('serves over a socket only, keeps its data and stops for good', async () => {
    const first = await start();
    expect(first.adopted).toBe(false);
    const running = await pid();
    {
      await using database = await openDatabase(first.url);
      await database.query('CREATE TABLE kept AS SELECT 42 AS n');
      const [listening] = await database.query(
        "SELECT current_setting('listen_addresses') AS at, current_database() AS db",
      );
      expect(listening).toEqual({ at: '', db: 'magflock' });
    }
    expect((await stat(join(dataDir, 'postgres.password'))).mode & 0o777).toBe(0o600);
    await first.stop();
    await first.stop();
    await gone(running);
    const second = await start();
    await using database = await openDatabase(second.url);
    expect(await database.query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });

  it('is a session of its own, with nothing of our environment', async () => {
    const server = await start();
    const running = await pid();
    const stats = (await readFile(`/proc/${running}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    expect(Number(stats[3])).toBe(running);
    const environment = (await readFile(`/proc/${running}/environ`, 'utf8')).split('\0');
    const names = environment.map((entry) => entry.split('=')[0]).filter((name) => name !== '');
    for (const name of names)
      expect(['PATH', 'LC_ALL', 'PWD', 'SHLVL', '_', 'OLDPWD']).toContain(
        name === undefined || name.startsWith('PG') || name.startsWith('LC_') ? 'LC_ALL' : name,
      );
    await server.stop();
  });

  it('adopts the server that a killed host left running', async () => {
    const left = await start();
    const running = await pid();
    const next = await start();
    expect(next.adopted).toBe(true);
    expect(await pid()).toBe(running);
    expect(next.url).toBe(left.url);
    const lock = await acquireHostLock(next.url);
    await lock[Symbol.asyncDispose]();
    await next.stop();
    await gone(running);
  });

  it('leaves an adopted server alone while another host works on it', async () => {
    const first = await start();
    const lock = await acquireHostLock(first.url);
    const second = await start();
    await expect(acquireHostLock(second.url)).rejects.toMatchObject({ code: 'E_CONFIG' });
    await second.stop();
    expect(isGone(await pid())).toBe(false);
    await lock[Symbol.asyncDispose]();
  });

  it('starts after a crash of Postgres itself, and with the pid file of something else', async () => {
    // Its host is killed first: one that lives would start it again.
    const host = new HostProcess({ MAG_DATA_DIR: dataDir, MAG_PORT: '0' });
    await host.ready().finally(() => host.kill('SIGKILL'));
    const running = await pid();
    process.kill(running, 'SIGKILL');
    await gone(running);
    const recovered = await start();
    expect(recovered.adopted).toBe(false);
    const text = await readFile(pidFile(), 'utf8');
    await recovered.stop();
    // A pid that was given to another process since: Postgres alone would refuse to start.
    await writeFile(pidFile(), text.replace(/^\d+/, `${process.pid}`));
    const again = await start();
    expect(again.adopted).toBe(false);
  });

  it('starts over when the first initdb did not finish', async () => {
    await mkdir(join(dataDir, 'postgres', 'data.new'), { recursive: true });
    await writeFile(join(dataDir, 'postgres', 'data.new', 'PG_VERSION'), '18');
    await start();
    expect(await pid()).toBeGreaterThan(0);
  });

  it('refuses a password that is not the one of the cluster', async () => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'postgres.password'), 'wrong');
    await expect(start()).rejects.toMatchObject({ code: 'E_CONFIG' });
    expect(await readFile(pidFile(), 'utf8').catch(() => null)).toBeNull();
    await rm(join(dataDir, 'postgres.password'));
    await expect(start()).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('says so when the data folder cannot be used', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    await expect(start(file)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it.runIf(process.getuid?.() === 0)('says so when its account cannot reach the data folder', async () => {
    await chmod(dataDir, 0o700);
    await expect(start(join(dataDir, 'inner'))).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});
