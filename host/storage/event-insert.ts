import type { Database, Prepared } from './database.ts';
import { sqlStateOf } from './database-errors.ts';
import type { EventPartitions } from './event-partitions.ts';
import type { EventRow } from './event-row.ts';
import type { RecentEvents } from './recent-events.ts';

const NO_PARTITION = '23514';
/** An event that is in the log already. */
const STORED = '23505';
/** Deadlock, and events that two hosts append at the same moment. */
const COLLISIONS = ['40P01', '40001'];

/**
 * Takes as many numbers as there are events and writes them, all of it or nothing. The update locks the head until
 * the commit, so the order of numbers is that of commits. No row: the component has no head yet.
 */
const APPEND_NEW: Prepared = {
  name: 'mag append new events',
  text: `WITH head AS (
      UPDATE mag.event_heads SET sequence = sequence + cardinality($2::uuid[]) WHERE component = $1
      RETURNING sequence - cardinality($2::uuid[]) AS before
    ), written AS (
      INSERT INTO mag.events (component, sequence, event_id, day, event_type, schema_version, emitted_at, extension,
        data, context, capabilities)
      SELECT $1, head.before + given.position, given.id, given.day, given.type, given.version, given.emitted_at,
        given.extension, given.data, given.context, given.capabilities
      FROM head, unnest($2::uuid[], $3::date[], $4::text[], $5::int[], $6::text[], $7::text[], $8::json[], $9::json[],
        $10::json[]) WITH ORDINALITY
        AS given (id, day, type, version, emitted_at, extension, data, context, capabilities, position)
    )
    SELECT before FROM head`,
};

/** Writes events of one component, each id once, in one transaction. Returns the number of each. */
export class EventInserter {
  readonly #database: Database;
  readonly #partitions: EventPartitions;
  readonly #recent: RecentEvents;

  constructor(database: Database, partitions: EventPartitions, recent: RecentEvents) {
    this.#database = database;
    this.#partitions = partitions;
    this.#recent = recent;
  }

  async insert(component: string, rows: readonly EventRow[]): Promise<number[]> {
    const days = [...new Set(rows.map(({ day }) => day))];
    await this.#partitions.ensure(days);
    try {
      return (await this.#insertNew(component, rows)) ?? (await this.#insertAny(component, rows));
    } catch (error) {
      const state = sqlStateOf(error) ?? '';
      if (![NO_PARTITION, STORED, ...COLLISIONS].includes(state)) throw error;
      if (state !== STORED) this.#partitions.forget();
      await this.#partitions.ensure(days);
      return this.#insertAny(component, rows);
    }
  }

  /** `null`: the component has no event yet. */
  async #insertNew(component: string, rows: readonly EventRow[]): Promise<number[] | null> {
    const [head] = await this.#database.query<{ before: number }>(APPEND_NEW, [component, ...columns(rows)]);
    if (head === undefined) return null;
    const first = head.before + 1;
    this.#recent.committed(component, first, rows);
    return rows.map((_, index) => first + index);
  }

  /** Also where some are in the log already: that is rare, so it is looked up only when it was found to be so. */
  async #insertAny(component: string, rows: readonly EventRow[]): Promise<number[]> {
    const [ids, days, ...others] = columns(rows);
    const [row] = await this.#database.query<{ sequences: string[] }>(
      'SELECT mag.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS sequences',
      [ids, days, rows.map(() => component), ...others],
    );
    return (row?.sequences ?? []).map(Number);
  }
}

function columns(rows: readonly EventRow[]): unknown[][] {
  const column = <K extends keyof EventRow>(key: K): EventRow[K][] => rows.map((row) => row[key]);
  return [
    column('id'),
    column('day'),
    column('type'),
    column('version'),
    column('emittedAt'),
    column('extension'),
    column('data'),
    column('context'),
    column('capabilities'),
  ];
}
