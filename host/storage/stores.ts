import type { Logger, Stores } from '../../kernel/ports.ts';
import type { AuthStores } from '../components/magauth/magauth.ts';
import { createAuditStore } from './audit-store.ts';
import { type ChannelStore, createChannelStore } from './channel-store.ts';
import type { Database } from './database.ts';
import type { EventEngine } from './event-engine.ts';
import { createEventLog, type StoredEventLog } from './event-log.ts';
import { createExpiryStore } from './expiry-store.ts';
import { createExtensionStore } from './extension-store.ts';
import { createGrantStore } from './grant-store.ts';
import { createHealthStore } from './health-store.ts';
import { createHostStore, type PostgresHostStore } from './host-store.ts';
import { createJobStore, type JobStore } from './job-store.ts';
import { createLogStore } from './log-store.ts';
import { createLoginStore } from './login-store.ts';
import { createOperationStore } from './operation-store.ts';
import { createOutbox } from './outbox.ts';
import { createPackageStore } from './package-store.ts';
import { createPrincipalStore } from './principal-store.ts';
import { createRevocationStore, type RevocationStore } from './revocation-store.ts';
import { createRoleStore } from './role-store.ts';
import { createScheduleStore, type ScheduleStore } from './schedule-store.ts';
import { createSessionStore } from './session-store.ts';
import { createStateStore } from './state-store.ts';
import { createTokenStore } from './token-store.ts';

/** Everything durable, in one Postgres; the events may be elsewhere. */
export interface PostgresStores extends Stores, AuthStores {
  readonly events: StoredEventLog;
  readonly hosts: PostgresHostStore;
  readonly jobs: JobStore;
  readonly schedules: ScheduleStore;
  readonly channels: ChannelStore;
  readonly revocations: RevocationStore;
  /** Writes what is buffered and stops listening. Leaves the database open. Idempotent. */
  close(): Promise<void>;
}

/**
 * @param database migrated, and open until after `close()`
 * @param engine keeps the events, and is closed with the rest; absent: Postgres
 */
export function createStores(database: Database, logger: Logger, engine?: EventEngine): PostgresStores {
  const events = createEventLog(database, logger, { engine });
  const logs = createLogStore(database, logger);
  const hosts = createHostStore(database, logger);
  const channels = createChannelStore(database, logger);
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
    hosts,
    outbox: createOutbox(database),
    tokens: createTokenStore(database),
    sessions: createSessionStore(database),
    principals: createPrincipalStore(database),
    roles: createRoleStore(database),
    logins: createLoginStore(database),
    expiries: createExpiryStore(database),
    jobs: createJobStore(database),
    schedules: createScheduleStore(database),
    channels,
    revocations: createRevocationStore(database),
    async close() {
      await Promise.all([events.close(), logs.close(), hosts.close(), channels.close()]);
    },
  };
}
