import type { Clock, EventLog, Logger } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { EventAppender } from './event-append.ts';
import { type EventEngine, readPage } from './event-engine.ts';
import { EventInserter } from './event-insert.ts';
import { EventPartitions } from './event-partitions.ts';
import { createEventReader } from './event-read.ts';
import { RETENTION_DAYS, toEventRow } from './event-row.ts';
import { createEventSubscriptions } from './event-subscriptions.ts';
import { EventWake } from './event-wake.ts';
import { RecentEvents } from './recent-events.ts';

/** The events of the engine that was chosen, and in Postgres who listens to them (spec 05). */
export interface StoredEventLog extends EventLog {
  /**
   * Drops the days of the Postgres log that are over. Returns them, as `YYYY-MM-DD`. Safe to call on every host.
   * Default 7 days.
   */
  dropExpired(days?: number): Promise<string[]>;
  /** Waits for appends that are under way, and closes the engine. Idempotent. */
  close(): Promise<void>;
}

interface EventLogOptions {
  /** Decides which ids are too old or from the future, for tests. */
  readonly clock?: Clock;
  /** Absent: Postgres. */
  readonly engine?: EventEngine | undefined;
}

const systemClock: Clock = { now: () => new Date() };

export function createEventLog(
  database: Database,
  logger: Logger,
  { clock = systemClock, engine }: EventLogOptions = {},
): StoredEventLog {
  // Also when they are elsewhere now: events from before are past their time one day.
  const partitions = new EventPartitions(database, clock);
  const log = engine ?? createPostgresEngine(database, logger, clock, partitions);
  return {
    ...log,
    ...createEventSubscriptions(database, log),
    dropExpired: (days = RETENTION_DAYS) => partitions.dropExpired(days),
  };
}

function createPostgresEngine(
  database: Database,
  logger: Logger,
  clock: Clock,
  partitions: EventPartitions,
): EventEngine {
  const reader = createEventReader(database);
  const wake = new EventWake(database, logger, () => reader.heads());
  const recent = new RecentEvents();
  const appender = new EventAppender({
    inserter: new EventInserter(database, partitions, recent),
    clock,
    onCommitted: (component) => wake.appended([component]),
  });
  let closing: Promise<void> | null = null;
  return {
    ...reader,
    page: async (...asked) => recent.page(...asked) ?? readPage(reader, ...asked),
    logId: null,
    append: (events) => appender.append(events),
    check: (event) => void toEventRow(event, clock.now().getTime()),
    onAppend: (listener) => wake.onAppend(listener),
    close() {
      closing ??= appender.drained().then(() => wake.close());
      return closing;
    },
  };
}
