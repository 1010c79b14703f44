import type { EventPage } from '../../kernel/ports.ts';
import { type EventRow, storedEvent } from './event-row.ts';

/** Of each component. */
const MAX_EVENTS = 2_000;
const MAX_CHARS = 4_000_000;

/** Events that follow each other without a gap. */
interface Run {
  /** The number of the first one. */
  first: number;
  rows: EventRow[];
  chars: number;
}

/**
 * What this host committed last: whoever keeps up reads it from here and not from the database. It answers only what it
 * knows whole; what other hosts append leaves a gap, and it begins anew behind that.
 */
export class RecentEvents {
  readonly #runs = new Map<string, Run>();

  /** Rows that were committed with numbers from `first` on. */
  committed(component: string, first: number, rows: readonly EventRow[]): void {
    const known = this.#runs.get(component);
    const follows = known !== undefined && known.first + known.rows.length === first;
    const run = follows ? known : { first, rows: [], chars: 0 };
    for (const row of rows) {
      run.rows.push(row);
      run.chars += charsOf(row);
    }
    this.#runs.set(component, run);
    // Half of it goes at once: not a row for each that comes.
    if (run.rows.length > MAX_EVENTS || run.chars > MAX_CHARS) shorten(run);
  }

  /** `null`: it is not known whole what comes behind `after`, or nothing is known to come. */
  page(component: string, after: number, limit: number, types: readonly string[]): EventPage | null {
    const run = this.#runs.get(component);
    if (run === undefined || after + 1 < run.first || after + 1 >= run.first + run.rows.length) return null;
    const events: EventPage['events'] = [];
    for (let at = after + 1 - run.first; at < run.rows.length && events.length < limit; at++) {
      const row = run.rows[at];
      if (row !== undefined && types.includes(row.type)) events.push(storedEvent(row, run.first + at));
    }
    return { head: run.first + run.rows.length - 1, events };
  }
}

function shorten(run: Run): void {
  const gone = run.rows.splice(0, Math.ceil(run.rows.length / 2));
  run.first += gone.length;
  for (const row of gone) run.chars -= charsOf(row);
  if (run.chars > MAX_CHARS) shorten(run);
}

function charsOf({ data, context, capabilities }: EventRow): number {
  return data.length + context.length + capabilities.length;
}
