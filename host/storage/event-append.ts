import { MagError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { isContentError, sqlStateOf } from './database-errors.ts';
import type { EventPartitions } from './event-partitions.ts';
import { type EventRow, type NewEvent, toEventRow } from './event-row.ts';

const MAX_BATCH_EVENTS = 1_000;
const MAX_BATCH_CHARS = 8_000_000;
const MAX_WAITING_EVENTS = 100_000;
const NO_PARTITION = '23514';
/** Deadlock, and events that two hosts append at the same moment. */
const COLLISIONS = ['40P01', '40001'];

/** The number each event has, in the order they were given. */
export type Appended = { event_id: string; sequence: number }[];

interface Request {
  readonly rows: readonly EventRow[];
  readonly chars: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what arrives while a batch is on its way forms the next batch, so the price of a durable
 * commit is shared by all who wait for it.
 */
export class EventAppender {
  readonly #database: Database;
  readonly #partitions: EventPartitions;
  readonly #clock: Clock;
  readonly #onCommitted: (components: readonly string[]) => void;
  #waiting: Request[] = [];
  #waitingEvents = 0;
  #pump: Promise<void> | null = null;

  constructor(options: {
    database: Database;
    partitions: EventPartitions;
    clock: Clock;
    onCommitted: (components: readonly string[]) => void;
  }) {
    this.#database = options.database;
    this.#partitions = options.partitions;
    this.#clock = options.clock;
    this.#onCommitted = options.onCommitted;
  }

  async append(events: readonly NewEvent[]): Promise<Appended> {
    if (events.length === 0) return [];
    const now = this.#clock.now().getTime();
    const rows = events.map((event) => toEventRow(event, now));
    if (this.#waitingEvents + rows.length > MAX_WAITING_EVENTS) {
      throw new MagError('E_STORAGE', 'Events arrive faster than the database takes them.');
    }
    return new Promise((resolve, reject) => {
      const chars = rows.reduce((sum, row) => sum + row.data.length + row.context.length, 0);
      this.#waiting.push({ rows, chars, resolve, reject });
      this.#waitingEvents += rows.length;
      this.#pump ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
  }

  async #run(): Promise<void> {
    // Lets whoever appends in the same turn into the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#write(this.#takeBatch());
    this.#pump = null;
  }

  #takeBatch(): Request[] {
    let events = 0;
    let chars = 0;
    const end = this.#waiting.findIndex((request) => {
      events += request.rows.length;
      chars += request.chars;
      return events > MAX_BATCH_EVENTS || chars > MAX_BATCH_CHARS;
    });
    const batch = this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1));
    for (const { rows } of batch) this.#waitingEvents -= rows.length;
    return batch;
  }

  async #write(batch: readonly Request[]): Promise<void> {
    try {
      const rows = uniqueRows(batch);
      const sequences = await this.#appendRows(rows);
      this.#onCommitted([...new Set(rows.map((row) => row.component))]);
      for (const request of batch) {
        request.resolve(
          request.rows.map((row) => ({ event_id: row.id, sequence: sequences.get(row.id) ?? 0 })),
        );
      }
    } catch (error) {
      await this.#refuse(batch, error);
    }
  }

  /** What one event did to the batch must not be done to the others: each is tried again alone. */
  async #refuse(batch: readonly Request[], error: unknown): Promise<void> {
    if (!isContentError(error)) {
      for (const { reject } of batch) reject(error);
    } else if (batch.length === 1) {
      const message = 'The event cannot be stored: the database refuses its content.';
      batch[0]?.reject(new MagError('E_EVENT_SCHEMA', message, { cause: error }));
    } else {
      for (const request of batch) await this.#write([request]);
    }
  }

  async #appendRows(rows: readonly EventRow[]): Promise<Map<string, number>> {
    await this.#partitions.ensure(rows.map((row) => row.day));
    try {
      return await this.#insert(rows);
    } catch (error) {
      const state = sqlStateOf(error) ?? '';
      if (state !== NO_PARTITION && !COLLISIONS.includes(state)) throw error;
      this.#partitions.forget();
      await this.#partitions.ensure(rows.map((row) => row.day));
      return this.#insert(rows);
    }
  }

  async #insert(rows: readonly EventRow[]): Promise<Map<string, number>> {
    const column = <K extends keyof EventRow>(key: K): EventRow[K][] => rows.map((row) => row[key]);
    const result = await this.#database.query<{ sequences: string[] }>(
      'SELECT mag.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS sequences',
      [
        column('id'),
        column('day'),
        column('component'),
        column('type'),
        column('version'),
        column('emittedAt'),
        column('extension'),
        column('data'),
        column('context'),
        column('capabilities'),
      ],
    );
    return new Map(rows.map((row, index) => [row.id, Number(result[0]?.sequences[index])]));
  }
}

/** The same event twice in a batch is one: the first. */
function uniqueRows(batch: readonly Request[]): EventRow[] {
  const unique = new Map<string, EventRow>();
  for (const { rows } of batch) {
    for (const row of rows) {
      if (!unique.has(row.id)) unique.set(row.id, row);
    }
  }
  return [...unique.values()];
}
