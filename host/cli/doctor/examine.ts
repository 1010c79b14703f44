import { type Config, environment } from '../../config.ts';
import { checkBackupTools, checkDatabase } from './database.ts';
import type { Finding } from './finding.ts';
import { checkJail } from './jail.ts';
import { checkDataFolder, checkPort } from './machine.ts';
import { checkIsolates, checkVersions } from './runtime.ts';

/** Looks at everything a host needs of this machine. Changes nothing. */
export async function examine(config: Config, url: string): Promise<Finding[]> {
  const found = await Promise.all([
    checkVersions(),
    checkIsolates(),
    checkDatabase(config.databaseUrl),
    checkBackupTools(config.databaseUrl, { folder: config.pgBin, path: environment().PATH ?? '' }),
    checkDataFolder(config.dataDir),
    checkPort(config.host, config.port, url),
    checkJail(),
  ]);
  return found.flat();
}
