import { access, chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildAll } from '../../host/build/build-all.ts';
import { openDatabase } from '../../host/storage/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../host/storage/embedded-postgres.ts';
import { migrate } from '../../host/storage/migrate.ts';
import { onServer } from './on-server.ts';
import { silentLogger } from './silent-logger.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server of this test run, and the migrated database on it that tests clone. */
    postgres: { url: string; template: string };
  }
}

const PREFIX = 'magflock-test-';

/** One Postgres for the whole run: the embedded one, or the one `TEST_DATABASE_URL` names. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  await buildAll(); // once, before the workers would all do it
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(folder, 'owner.pid'), `${process.pid}`);
  // mkdtemp makes it private, but Postgres runs as another account when the tests run as root.
  await chmod(folder, 0o711);
  const external = process.env.TEST_DATABASE_URL;
  const embedded = external === undefined ? await boot(folder) : null;
  const url = embedded?.url ?? external ?? '';
  const template = `mag_template_${process.pid}_${Date.now()}`;
  await createTemplate(url, template);
  project.provide('postgres', { url, template });
  return async () => {
    if (embedded === null) await onServer(url, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    await embedded?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Stops and removes what test runs that were killed could not. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !(await isOrphaned(folder))) continue;
    const pidFile = join(folder, 'postgres', 'data', 'postmaster.pid');
    const running = await access(pidFile).then(
      () => true,
      () => false,
    );
    if (running) await (await boot(folder)).stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function isOrphaned(folder: string): Promise<boolean> {
  const owner = Number(await readFile(join(folder, 'owner.pid'), 'utf8').catch(() => ''));
  if (!(owner > 0)) return false;
  try {
    process.kill(owner, 0);
    return false;
  } catch {
    return true;
  }
}

function boot(dataDir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir, logger: silentLogger, durable: false });
}

async function createTemplate(url: string, template: string): Promise<void> {
  await onServer(url, `CREATE DATABASE ${template}`);
  const address = new URL(url);
  address.pathname = `/${template}`;
  // A database is only cloned while nobody is connected to it.
  await using database = await openDatabase(address.href);
  await migrate(database);
}
