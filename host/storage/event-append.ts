import { MagError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { EventInserter } from './event-insert.ts';
import { type Appended, EventLane } from './event-lane.ts';
import { type EventRow, type NewEvent, toEventRow } from './event-row.ts';

const MAX_WAITING_EVENTS = 100_000;

/** Appends events: those of one component in batches, one after the other, and components beside each other. */
export class EventAppender {
  readonly #inserter: EventInserter;
  readonly #clock: Clock;
  readonly #onCommitted: (component: string) => void;
  /** By component, of which there are a handful: no extension names one. */
  readonly #lanes = new Map<string, EventLane>();

  constructor(options: {
    inserter: EventInserter;
    clock: Clock;
    onCommitted: (component: string) => void;
  }) {
    this.#inserter = options.inserter;
    this.#clock = options.clock;
    this.#onCommitted = options.onCommitted;
  }

  async append(events: readonly NewEvent[]): Promise<Appended[]> {
    const now = this.#clock.now().getTime();
    const rows = events.map((event) => toEventRow(event, now));
    let waiting = rows.length;
    for (const lane of this.#lanes.values()) waiting += lane.waiting;
    if (waiting > MAX_WAITING_EVENTS) {
      throw new MagError('E_STORAGE', 'Events arrive faster than the database takes them.');
    }
    const [first] = rows;
    if (first === undefined) return [];
    if (rows.every(({ component }) => component === first.component)) return this.#laneOf(first).append(rows);
    return this.#appendToMany(rows);
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drained()));
  }

  async #appendToMany(rows: readonly EventRow[]): Promise<Appended[]> {
    const lanes = Map.groupBy(rows, (row) => this.#laneOf(row));
    const all = await Promise.all([...lanes].map(([lane, own]) => lane.append(own)));
    const byRow = new Map([...lanes.values()].flatMap((own, at) => own.map((row, i) => [row, all[at]?.[i]])));
    return rows.map((row) => byRow.get(row) as Appended);
  }

  #laneOf({ component }: EventRow): EventLane {
    const known = this.#lanes.get(component);
    if (known !== undefined) return known;
    const lane = new EventLane({
      insert: (rows) => this.#inserter.insert(component, rows),
      onCommitted: () => this.#onCommitted(component),
    });
    this.#lanes.set(component, lane);
    return lane;
  }
}
