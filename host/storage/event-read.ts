import { MagError } from '../../kernel/errors.ts';
import type { EventLog, StoredEvent } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { dayOf, EVENT_COLUMNS, timeOfId } from './event-row.ts';

/** The reading half of the event log. */
export function createEventReader(database: Database): Pick<EventLog, 'read' | 'latest' | 'heads'> {
  return {
    read(component, after, limit, types) {
      return database.query<StoredEvent>(`SELECT ${EVENT_COLUMNS} FROM mag.read_events($1, $2, $3, $4)`, [
        component,
        after,
        limit,
        types ?? null,
      ]);
    },

    async latest({ type, component, after, limit }) {
      const time = after === undefined ? 0 : timeOfId(after);
      if (time === null) throw new MagError('E_BAD_REQUEST', 'after: not the id of an event.');
      return database.query<StoredEvent>(
        `SELECT ${EVENT_COLUMNS} FROM mag.events
         WHERE ($1::text IS NULL OR event_type = $1) AND ($2::text IS NULL OR component = $2)
           AND day >= $3 AND ($4::uuid IS NULL OR event_id > $4)
         ORDER BY day DESC, events.event_id DESC LIMIT $5`,
        [type ?? null, component ?? null, dayOf(time), after ?? null, limit],
      );
    },

    async heads() {
      const rows = await database.query<{ component: string; sequence: number }>(
        'SELECT component, sequence FROM mag.event_heads WHERE sequence > 0',
      );
      return new Map(rows.map((row) => [row.component, row.sequence]));
    },
  };
}
