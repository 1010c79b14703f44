import type { EventLog, EventPage } from '../../kernel/ports.ts';

/**
 * What keeps the events: Postgres, or NATS JetStream (`host/events-nats`). Who listens, how far each came and
 * what could not be delivered is in Postgres for both (docs/decisions/0008-places-in-postgres.md). The members
 * are functions that need no `this`.
 */
export interface EventEngine
  extends Pick<
    EventLog,
    'append' | 'check' | 'read' | 'page' | 'latest' | 'heads' | 'firstFrom' | 'onAppend'
  > {
  /**
   * Tells its numbers from those of other logs: a place is one in this log only. `null`: the log in the database
   * itself. Holds no `@`.
   */
  readonly logId: string | null;
  /** Waits for appends that are under way. Idempotent. */
  close(): Promise<void>;
}

/** What a component is called among the places of subscriptions: they are places in one log only. */
export function placeName(component: string, { logId }: Pick<EventEngine, 'logId'>): string {
  return logId === null ? component : `${component}@${logId}`;
}

/** A page as it is in the log. The head is asked for first: what comes meanwhile is for the next page. */
export async function readPage(
  { heads, read }: Pick<EventLog, 'heads' | 'read'>,
  ...[component, after, limit, types]: Parameters<EventLog['page']>
): Promise<EventPage> {
  const head = (await heads()).get(component) ?? 0;
  return { head, events: head <= after ? [] : await read(component, after, limit, types) };
}
