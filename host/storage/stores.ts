import type { Logger, Stores } from '../../kernel/ports.ts';
import type { TokenStore } from '../components/magauth/ports.ts';
import { createAuditStore } from './audit-store.ts';
import type { Database } from './database.ts';
import { createEventLog, type PostgresEventLog } from './event-log.ts';
import { createExtensionStore } from './extension-store.ts';
import { createGrantStore } from './grant-store.ts';
import { createHealthStore } from './health-store.ts';
import { createLogStore } from './log-store.ts';
import { createOperationStore } from './operation-store.ts';
import { createPackageStore } from './package-store.ts';
import { createStateStore } from './state-store.ts';
import { createTokenStore } from './token-store.ts';

/** Everything durable, in one Postgres. */
export interface PostgresStores extends Stores {
  readonly events: PostgresEventLog;
  readonly tokens: TokenStore;
  /** Writes what is buffered and stops listening. Leaves the database open. Idempotent. */
  close(): Promise<void>;
}

/** @param database migrated, and open until after `close()` */
export function createStores(database: Database, logger: Logger): PostgresStores {
  const events = createEventLog(database, logger);
  const logs = createLogStore(database, logger);
  return {
    packages: createPackageStore(database),
    extensions: createExtensionStore(database),
    grants: createGrantStore(database),
    operations: createOperationStore(database),
    audit: createAuditStore(database),
    events,
    state: createStateStore(database),
    logs,
    health: createHealthStore(database),
    tokens: createTokenStore(database),
    async close() {
      await Promise.all([events.close(), logs.close()]);
    },
  };
}
