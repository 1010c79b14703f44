import { MagError } from '../../kernel/errors.ts';
import type { EventLog, Logger, StoredEvent } from '../../kernel/ports.ts';
import { timeOfId } from '../storage/event-row.ts';
import type { NatsLink } from './link.ts';
import { fromMessage } from './message.ts';
import { scan } from './scan.ts';
import type { Subjects } from './subjects.ts';

/** Messages that are asked for at the same time where they follow each other closely. */
const MAX_WIDTH = 16;
const DAY_MS = 86_400_000;
/** How far the clocks of hosts and servers may be apart. */
const SKEW_MS = 60_000;
const ID_HEADER = 'Nats-Msg-Id';

/** A message of the stream; `event` null: nobody of us wrote it. */
interface Found {
  readonly sequence: number;
  readonly time: Date;
  readonly event: StoredEvent | null;
}

interface ReaderOptions {
  readonly link: NatsLink;
  readonly stream: string;
  readonly subjects: Subjects;
  readonly logger: Logger;
}

/**
 * The reading half of the log. Where a missed event would be an event never delivered, messages are asked of the
 * leader of the stream one by one, and not of a consumer: a consumer may run on a server that is behind, and say
 * that there is nothing more.
 */
export class NatsReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  async read(
    component: string,
    after: number,
    limit: number,
    types?: readonly string[],
  ): Promise<StoredEvent[]> {
    const { subjects } = this.#options;
    if (types === undefined) return this.#page(subjects.filter(component, undefined), after, limit);
    // A page of each holds the page of all.
    const filters = [...new Set(types)].map((type) => subjects.of(component, type));
    const pages = await Promise.all(filters.map((filter) => this.#page(filter, after, limit)));
    if (pages.length === 1) return pages.flat();
    return pages
      .flat()
      .sort((a, b) => a.sequence - b.sequence)
      .slice(0, limit);
  }

  /** Newest stored first. `after` that is not in the log counts as the time inside of it. */
  async latest({ type, component, after, limit }: Parameters<EventLog['latest']>[0]): Promise<StoredEvent[]> {
    const { link, stream, subjects } = this.#options;
    const from = after === undefined ? 0 : await this.#behind(after);
    const { state } = await link.ask(({ streams }) => streams.info(stream));
    const first = Math.max(state.first_seq, from, 1);
    if (first > state.last_seq) return [];
    const filter = subjects.filter(component, type);
    for (let width = Math.max(limit, 64); ; width *= 4) {
      const start = Math.max(first, state.last_seq - width + 1);
      const newest = await this.#newest(filter, start, limit);
      if (newest.length >= limit || start === first) return newest.reverse();
    }
  }

  async firstFrom(component: string, from: Parameters<EventLog['firstFrom']>[1]): Promise<number | null> {
    const filter = this.#options.subjects.filter(component, undefined);
    if ('time' in from) return this.#firstAt(filter, from.time.getTime());
    return this.#find(filter, from.eventId);
  }

  /** The highest sequence of a component; 0: it has none. */
  async head(component: string): Promise<number> {
    const { link, stream, subjects } = this.#options;
    const last_by_subj = subjects.filter(component, undefined);
    return (await link.ask(({ streams }) => streams.getMessage(stream, { last_by_subj })))?.seq ?? 0;
  }

  /** Whether who leads the stream now has come to a number of a component, or past it. */
  async reaches(component: string, sequence: number): Promise<boolean> {
    const { link, stream, subjects } = this.#options;
    if ((await this.#next(subjects.filter(component, undefined), sequence)) !== null) return true;
    // It may be past its time by now.
    return (await link.ask(({ streams }) => streams.info(stream))).state.last_seq >= sequence;
  }

  async #page(filter: string, after: number, limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    if (limit < 1) return events;
    for await (const { event } of this.#walk(filter, after + 1)) {
      if (event !== null) events.push(event);
      if (events.length === limit) break;
    }
    return events;
  }

  /** Those at or above a number, up to the end there is. */
  async *#walk(filter: string, sequence: number): AsyncGenerator<Found> {
    let from = sequence;
    for (let width = 1; ; ) {
      const found = await this.#nextFrom(filter, from, width);
      let distinct = 0;
      for (const one of found) {
        // The end, though something may have come since: that is above what comes next.
        if (one === null) return;
        if (one.sequence < from) continue; // the answer to its neighbour too
        distinct += 1;
        from = one.sequence + 1;
        yield one;
      }
      width = distinct === width ? Math.min(width * 2, MAX_WIDTH) : 1;
    }
  }

  /** The first messages at or above each of `width` numbers, which follow each other. */
  #nextFrom(filter: string, from: number, width: number): Promise<(Found | null)[]> {
    return Promise.all(Array.from({ length: width }, (_, i) => this.#next(filter, from + i)));
  }

  /** The first message at or above a number. */
  async #next(filter: string, sequence: number): Promise<Found | null> {
    const { link, stream, logger } = this.#options;
    const query = { seq: sequence, next_by_subj: filter };
    const message = await link.ask(({ streams }) => streams.getMessage(stream, query));
    if (message === null) return null;
    const event = fromMessage(message.data, message.seq);
    if (event === null) logger.warn({ sequence: message.seq }, 'a message in the event log is no event');
    return { sequence: message.seq, time: message.time, event };
  }

  /** The last ones from a number on, oldest first. */
  async #newest(filter: string, sequence: number, limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for await (const { event } of this.#walk(filter, sequence)) {
      if (event !== null) events.push(event);
      if (events.length > limit) events.shift();
    }
    return events;
  }

  /** The number of the first message that was stored at or after a time, by halving. */
  async #firstAt(filter: string, time: number): Promise<number | null> {
    const { link, stream } = this.#options;
    const { state } = await link.ask(({ streams }) => streams.info(stream));
    let low = Math.max(state.first_seq, 1);
    let high = state.last_seq + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const found = await this.#next(filter, middle);
      if (found === null || found.time.getTime() >= time) high = middle;
      else low = found.sequence + 1;
    }
    return (await this.#next(filter, low))?.sequence ?? null;
  }

  /** The number of an event. JetStream has no index of ids: those around its time are looked through. */
  async #find(filter: string, id: string): Promise<number | null> {
    const time = timeOfId(id);
    if (time === null) throw new MagError('E_BAD_REQUEST', 'not the id of an event');
    const wanted = id.toLowerCase();
    const usual = await this.#firstAt(filter, time - SKEW_MS);
    const found = usual === null ? null : await this.#seek(filter, wanted, usual, Number.POSITIVE_INFINITY);
    if (found !== null) return found;
    // An id may be from up to a day in the future: then it was stored before its time.
    const early = await this.#firstAt(filter, time - DAY_MS - SKEW_MS);
    return early === null ? null : this.#seek(filter, wanted, early, usual ?? Number.POSITIVE_INFINITY);
  }

  /** Between two numbers, without the second. */
  async #seek(filter: string, id: string, sequence: number, end: number): Promise<number | null> {
    const { link, stream } = this.#options;
    let last = sequence - 1;
    for await (const message of scan({ link, stream, filter, sequence })) {
      if (message.seq >= end) return null;
      if (message.headers?.get(ID_HEADER) === id) return message.seq;
      last = message.seq;
    }
    // Where the consumer ended need not be the end.
    for await (const { sequence: next, event } of this.#walk(filter, last + 1)) {
      if (next >= end) return null;
      if (event?.event_id === id) return next;
    }
    return null;
  }

  /** The first number behind an event. */
  async #behind(id: string): Promise<number> {
    const time = timeOfId(id);
    if (time === null) throw new MagError('E_BAD_REQUEST', 'after: not the id of an event.');
    const { all } = this.#options.subjects;
    const found = await this.#find(all, id);
    if (found !== null) return found + 1;
    return (await this.#firstAt(all, time)) ?? Number.MAX_SAFE_INTEGER;
  }
}
