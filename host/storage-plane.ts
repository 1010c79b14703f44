import type { Logger } from '../kernel/ports.ts';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './storage/database.ts';
import { startEmbeddedPostgres } from './storage/embedded-postgres.ts';
import { acquireHostLock } from './storage/host-lock.ts';
import { migrate } from './storage/migrate.ts';

/** The database of the host: opened, migrated, and closed again in the reverse order. */
export interface StoragePlane extends AsyncDisposable {
  readonly database: Database;
  readonly kind: 'embedded' | 'external';
}

/** @throws `E_CONFIG`, `E_STORAGE` with nothing left running */
export async function openStorage(config: Config, logger: Logger): Promise<StoragePlane> {
  await using opened = new AsyncDisposableStack();
  const url = config.databaseUrl ?? (await openEmbedded(config.dataDir, logger, opened));
  const database = opened.use(await openDatabase(url));
  const applied = await migrate(database);
  if (applied.length > 0) logger.info({ applied }, 'migrated the schema of the host');
  const kept = opened.move();
  return {
    database,
    kind: config.databaseUrl === null ? 'embedded' : 'external',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function openEmbedded(dataDir: string, logger: Logger, opened: AsyncDisposableStack): Promise<string> {
  const postgres = opened.use(await startEmbeddedPostgres({ dataDir, logger }));
  opened.use(await acquireHostLock(postgres.url)); // released first, so that stop() finds nobody else on it
  return postgres.url;
}
