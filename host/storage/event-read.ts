import { MagError } from '../../kernel/errors.ts';
import type { EventLog, StoredEvent } from '../../kernel/ports.ts';
import type { Database, Prepared } from './database.ts';
import { dayOf, EVENT_COLUMNS, floorOf, timeOfId } from './event-row.ts';

const READ: Prepared = {
  name: 'mag read events',
  text: `SELECT ${EVENT_COLUMNS} FROM mag.read_events($1, $2, $3, $4)`,
};
const HEADS: Prepared = {
  name: 'mag event heads',
  text: 'SELECT component, sequence FROM mag.event_heads WHERE sequence > 0',
};

/** The reading half of the event log. */
export function createEventReader(
  database: Database,
): Pick<EventLog, 'read' | 'latest' | 'heads' | 'firstFrom'> {
  return {
    read(component, after, limit, types) {
      return database.query<StoredEvent>(READ, [component, after, limit, types ?? null]);
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

    async firstFrom(component, from) {
      const point = 'time' in from ? floorOf(from.time) : from.eventId;
      const time = timeOfId(point);
      if (time === null) throw new MagError('E_BAD_REQUEST', 'not the id of an event');
      const [row] = await database.query<{ sequence: number | null }>(
        'time' in from
          ? `SELECT min(sequence) AS sequence FROM mag.events
             WHERE component = $1 AND day >= $2 AND event_id >= $3`
          : 'SELECT sequence FROM mag.events WHERE component = $1 AND day = $2 AND event_id = $3',
        [component, dayOf(time), point],
      );
      return row?.sequence ?? null;
    },

    async heads() {
      const rows = await database.query<{ component: string; sequence: number }>(HEADS);
      return new Map(rows.map((row) => [row.component, row.sequence]));
    },
  };
}
