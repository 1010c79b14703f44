import type { Clock } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { dayOf } from './event-row.ts';

/** The partitions of the event log, one for each day. */
export class EventPartitions {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #known = new Set<string>();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Makes those of the given days, and of today and tomorrow ahead of need. */
  async ensure(days: readonly string[]): Promise<void> {
    const now = this.#clock.now().getTime();
    for (const day of new Set([...days, dayOf(now), dayOf(now, 1)])) {
      if (this.#known.has(day)) continue;
      await this.#database.query('SELECT mag.ensure_event_partition($1)', [day]);
      this.#known.add(day);
    }
  }

  /** Forgets what was seen: another host may have dropped some. */
  forget(): void {
    this.#known.clear();
  }

  /** Drops those whose day is more than `days` ago. Returns the days, oldest first. Safe on many hosts. */
  async dropExpired(days: number): Promise<string[]> {
    const oldest = `events_${dayOf(this.#clock.now().getTime(), -days).replaceAll('-', '')}`;
    const expired = await this.#database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
       WHERE inhparent = 'mag.events'::regclass AND relname ~ '^events_[0-9]{8}$' AND relname < $1
       ORDER BY relname`,
      [oldest],
    );
    for (const { name } of expired) await this.#drop(name);
    this.forget();
    return expired.map(({ name }) => name.replace(/^events_(....)(..)(..)$/, '$1-$2-$3'));
  }

  async #drop(name: string): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      // Dropping waits for readers, and everybody else would wait behind it: rather try again later.
      await transaction.query("SET LOCAL lock_timeout = '3s'");
      await transaction.query(`DROP TABLE IF EXISTS mag.${name}`);
    });
  }
}
