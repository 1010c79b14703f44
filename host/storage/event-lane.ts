import { MagError } from '../../kernel/errors.ts';
import { isContentError } from './database-errors.ts';
import type { EventRow } from './event-row.ts';

const MAX_BATCH_EVENTS = 1_000;
const MAX_BATCH_CHARS = 8_000_000;

/** The number an event has now. */
export interface Appended {
  readonly event_id: string;
  readonly sequence: number;
}

interface Request {
  readonly rows: readonly EventRow[];
  readonly chars: number;
  readonly resolve: (appended: Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what arrives while a batch is on its way forms the next batch, so the price of a durable
 * commit is shared by all who wait for it.
 */
export class EventLane {
  readonly #insert: (rows: readonly EventRow[]) => Promise<readonly number[]>;
  readonly #onCommitted: () => void;
  #requests: Request[] = [];
  #waiting = 0;
  #pump: Promise<void> | null = null;

  /** @param options.insert writes rows that have no id twice, and returns the number of each */
  constructor(options: {
    insert: (rows: readonly EventRow[]) => Promise<readonly number[]>;
    onCommitted: () => void;
  }) {
    this.#insert = options.insert;
    this.#onCommitted = options.onCommitted;
  }

  /** Events that are on no way yet. */
  get waiting(): number {
    return this.#waiting;
  }

  append(rows: readonly EventRow[]): Promise<Appended[]> {
    return new Promise((resolve, reject) => {
      const chars = rows.reduce((sum, row) => sum + row.data.length + row.context.length, 0);
      this.#requests.push({ rows, chars, resolve, reject });
      this.#waiting += rows.length;
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
    while (this.#requests.length > 0) await this.#write(this.#takeBatch());
    this.#pump = null;
  }

  #takeBatch(): Request[] {
    let events = 0;
    let chars = 0;
    const end = this.#requests.findIndex((request) => {
      events += request.rows.length;
      chars += request.chars;
      return events > MAX_BATCH_EVENTS || chars > MAX_BATCH_CHARS;
    });
    const batch = this.#requests.splice(0, end === -1 ? this.#requests.length : Math.max(end, 1));
    for (const { rows } of batch) this.#waiting -= rows.length;
    return batch;
  }

  async #write(batch: readonly Request[]): Promise<void> {
    try {
      const numbers = await this.#number(batch);
      this.#onCommitted();
      for (const { rows, resolve } of batch) {
        resolve(rows.map(({ id }) => ({ event_id: id, sequence: numbers.get(id) ?? 0 })));
      }
    } catch (error) {
      await this.#refuse(batch, error);
    }
  }

  /** The same event twice in a batch is one: the first. */
  async #number(batch: readonly Request[]): Promise<Map<string, number>> {
    const unique = new Map<string, EventRow>();
    for (const { rows } of batch) {
      for (const row of rows) if (!unique.has(row.id)) unique.set(row.id, row);
    }
    const rows = [...unique.values()];
    const numbers = await this.#insert(rows);
    return new Map(rows.map(({ id }, index) => [id, numbers[index] ?? 0]));
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
}
