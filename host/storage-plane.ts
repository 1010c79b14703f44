import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../kernel/ports.ts';
import { HOST_VERSION } from '../kernel/version.ts';
import type { Config } from './config.ts';
import { nodeIdOf } from './node-id.ts';
import { nodeLock } from './storage/advisory-locks.ts';
import { type Database, openDatabase } from './storage/database.ts';
import { startEmbeddedPostgres } from './storage/embedded-postgres.ts';
import { acquireHostLock } from './storage/host-lock.ts';
import { joinHosts, leaveHosts } from './storage/host-store.ts';
import { migrate } from './storage/migrate.ts';
import { postgresDegradation } from './storage/postgres-version.ts';

/** The database of the host: opened, migrated, joined, and left and closed again in the reverse order. */
export interface StoragePlane extends AsyncDisposable {
  readonly database: Database;
  readonly kind: 'embedded' | 'external';
}

/** @throws `E_CONFIG`, `E_STORAGE` with nothing left running */
export async function openStorage(config: Config, logger: Logger): Promise<StoragePlane> {
  await using opened = new AsyncDisposableStack();
  const node = await nodeIdOf(config.dataDir);
  const url = config.databaseUrl ?? (await openEmbedded(config.dataDir, logger, opened));
  const hostId = await join(url, node, config, logger, opened);
  const database = opened.use(await openDatabase(url, { hostId }));
  // Nobody misses a host that another one took over from.
  opened.defer(() => leaveHosts(database).catch(() => {}));
  const kept = opened.move();
  return {
    database,
    kind: config.databaseUrl === null ? 'embedded' : 'external',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Migrates, and puts this host on record; both are done before anything else is. */
async function join(
  url: string,
  node: string,
  config: Config,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<string> {
  await using database = await openDatabase(url);
  const old = postgresDegradation(database.versionNum);
  if (old !== null) logger.warn({ detail: old }, 'the database works, and is less safe than it can be');
  const applied = await migrate(database);
  if (applied.length > 0) logger.info({ applied }, 'migrated the schema of the host');
  if (config.databaseUrl !== null) opened.use(await acquireHostLock(url, nodeLock(node)));
  const id = randomUUID();
  await joinHosts(database, { id, node, address: hostname(), version: HOST_VERSION });
  return id;
}

async function openEmbedded(dataDir: string, logger: Logger, opened: AsyncDisposableStack): Promise<string> {
  const postgres = opened.use(await startEmbeddedPostgres({ dataDir, logger }));
  opened.use(await acquireHostLock(postgres.url)); // released first, so that stop() finds nobody else on it
  return postgres.url;
}
