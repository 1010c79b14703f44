import type { Clock, EventLog, Logger } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { EventAppender } from './event-append.ts';
import { EventPartitions } from './event-partitions.ts';
import { createEventReader } from './event-read.ts';
import { RETENTION_DAYS } from './event-row.ts';
import { createEventSubscriptions } from './event-subscriptions.ts';
import { EventWake } from './event-wake.ts';

/** The event log in Postgres (spec 05). */
export interface PostgresEventLog extends EventLog {
  /** Drops the days that are over. Returns them, as `YYYY-MM-DD`. Safe to call on every host. Default 7 days. */
  dropExpired(days?: number): Promise<string[]>;
  /** Waits for appends that are under way. Idempotent. */
  close(): Promise<void>;
}

const systemClock: Clock = { now: () => new Date() };

/** @param clock decides which ids are too old or from the future, for tests */
export function createEventLog(
  database: Database,
  logger: Logger,
  clock: Clock = systemClock,
): PostgresEventLog {
  const reader = createEventReader(database);
  const partitions = new EventPartitions(database, clock);
  const wake = new EventWake(database, logger, async () => [...(await reader.heads()).keys()]);
  const appender = new EventAppender({
    database,
    partitions,
    clock,
    onCommitted: (components) => wake.appended(components),
  });
  let closing: Promise<void> | null = null;
  return {
    ...reader,
    ...createEventSubscriptions(database),
    append: (events) => appender.append(events),
    onAppend: (listener) => wake.onAppend(listener),
    dropExpired: (days = RETENTION_DAYS) => partitions.dropExpired(days),
    close() {
      closing ??= appender.drained().then(() => wake.close());
      return closing;
    },
  };
}
