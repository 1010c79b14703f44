import type { ExtensionData, Logger } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { mirrorGrants } from './grants.ts';
import type { HostConnection } from './host-connection.ts';
import type { Direction } from './migration-records.ts';
import { createMigrations } from './migrations.ts';
import { quoted, schemaName } from './names.ts';
import type { SqlParser } from './parser.ts';
import { dropRole, findAccount, provisionRole } from './roles.ts';

export interface ExtensionDataOptions {
  readonly host: HostConnection;
  readonly parser: SqlParser;
  readonly logger: Logger;
  /** Closes the connections of an extension before its role goes. */
  readonly release: (extension: ExtensionId) => Promise<void>;
  readonly watch: MigrationWatch;
}

/** Who wants to know of migrations, and may be against them. */
export interface MigrationWatch {
  /** Before any of them runs. @throws `E_VETO` and nothing runs */
  before(extension: ExtensionId, migrations: readonly string[]): Promise<void>;
  after(extension: ExtensionId, migration: string, direction: Direction): Promise<void>;
}

export function createExtensionData(options: ExtensionDataOptions): ExtensionData {
  const { host, logger, release, watch } = options;
  const migrations = createMigrations(host, options.parser, watch.before);
  const told = async (extension: ExtensionId, names: string[], direction: Direction): Promise<string[]> => {
    for (const name of names) await watch.after(extension, name, direction);
    return names;
  };
  return {
    async exists(extension) {
      const { rowCount } = await host.pool.query('SELECT FROM pg_namespace WHERE nspname = $1', [
        schemaName(extension),
      ]);
      return rowCount === 1;
    },
    provision: (extension) => host.transaction((client) => provisionRole(client, extension, host.database)),
    migrate: async (extension, files) => told(extension, await migrations.up(extension, files), 'up'),
    unmigrate: async (extension, files, except) =>
      told(extension, await migrations.down(extension, files, except), 'down'),
    async syncGrants(extension, grants) {
      const missing = await host.transaction(async (client) => {
        const account = await findAccount(client, extension);
        if (account === null) return []; // no role, no rights
        const own = { role: account.role, ownSchema: schemaName(extension) };
        return mirrorGrants(client, own, grants);
      });
      if (missing.length > 0)
        logger.warn(
          { extension, missing },
          'a grant names relations that do not exist or that the account of the host does not own',
        );
    },
    async deprovision(extension, { dropData }) {
      await release(extension);
      await host.transaction(async (client) => {
        if (dropData) {
          await client.query(`DROP SCHEMA IF EXISTS ${quoted(schemaName(extension))} CASCADE`);
          await client.query('DELETE FROM mag.extension_migrations WHERE extension_id = $1', [extension]);
        }
        await dropRole(client, extension);
      });
    },
  };
}
