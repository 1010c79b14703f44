import type { Config } from '../../config.ts';
import { checkDatabase } from './database.ts';
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
    checkDataFolder(config.dataDir),
    checkPort(config.host, config.port, url),
    checkJail(),
  ]);
  return found.flat();
}
