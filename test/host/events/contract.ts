import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import type { EventEngine } from '../../../host/storage/event-engine.ts';
import { createEventLog, type StoredEventLog } from '../../../host/storage/event-log.ts';
import type { EventLog, StoredEvent } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';
import { busContract } from './bus-contract.ts';

type NewEvent = Omit<StoredEvent, 'sequence'>;
const DAY_MS = 86_400_000;

/** The event logs of two hosts, which are one log. */
export interface TwoHosts {
  readonly log: StoredEventLog;
  readonly other: StoredEventLog;
}

/** `null` engine: Postgres. */
export type OpenEngine = () => Promise<EventEngine | undefined>;

export const event = (component: string, changes: Partial<NewEvent> = {}): NewEvent => ({
  event_id: uuidV7(),
  event_type: 'acme.hello.greeted',
  schema_version: 1,
  timestamp: '2026-11-20T10:23:45.123Z',
  source: { component, extension: 'acme/hello' },
  data: { n: 1 },
  context: { tenant_id: 't1', user_id: null },
  capabilities_required: ['database.read'],
  ...changes,
});

const ids = (events: readonly { event_id: string }[]) => events.map(({ event_id }) => event_id);
const sequences = (events: readonly { sequence: number }[]) => events.map(({ sequence }) => sequence);
const isRising = (numbers: readonly number[]) =>
  numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? n));

/** What spec 05 demands of every engine, two hosts on one log. */
export function eventEngineContract(name: string, openEngine: OpenEngine): void {
  describe(`event log in ${name}`, () => {
    let test: TestDatabase;
    let databases: Database[];
    let log: StoredEventLog;
    let other: StoredEventLog;
    beforeAll(async () => {
      test = await createTestDatabase();
      databases = [await openDatabase(test.url), await openDatabase(test.url)];
      const open = async (database: Database | undefined) => {
        if (database === undefined) throw new Error('no database');
        return createEventLog(database, silentLogger, { engine: await openEngine() });
      };
      log = await open(databases[0]);
      other = await open(databases[1]);
    });
    afterAll(async () => {
      await Promise.all([log.close(), other.close()]);
      await Promise.all(databases.map((database) => database.close()));
      await test.drop();
    });

    it('reads back what was appended, exactly', async () => {
      const written = event('exact', {
        data: { z: 1e-7, a: ['\u0000', '\ud800', null], 'key order': { b: 1, a: 2 } },
        source: { component: 'exact', extension: null },
      });
      const [appended] = await log.append([written]);
      const [read] = await other.read('exact', 0, 10);
      expect(read).toEqual({ ...written, sequence: appended?.sequence });
      expect(JSON.stringify(read?.data)).toBe(JSON.stringify(written.data));
      expect(await log.append([])).toEqual([]);
      // Whoever appended it may know it without looking: it reads the same all the same.
      const [next] = await log.append([{ ...written, event_id: uuidV7() }]);
      const page = (from: EventLog) => from.page('exact', appended?.sequence ?? 0, 10, [written.event_type]);
      const here = await page(log);
      expect(sequences(here.events)).toEqual([next?.sequence]);
      await expect.poll(() => page(other), { timeout: 30_000 }).toEqual(here);
      expect(JSON.stringify((await page(other)).events)).toBe(JSON.stringify(here.events));
    });

    it.each(['a b', '*', '>', 'a.b', '', '100%', 'ü', "it's ~!"])(
      'keeps apart a component and a type of any text: %j',
      async (text) => {
        const component = `odd${text}`;
        const types = [text, `${text}.`, `x.${text}`];
        await log.append(types.map((event_type) => event(component, { event_type })));
        for (const type of types)
          expect((await other.read(component, 0, 10, [type])).map((one) => one.event_type)).toEqual([type]);
        expect(await log.read(component, 0, 10)).toHaveLength(3);
        expect((await log.heads()).has(component)).toBe(true);
        await expect.poll(async () => (await other.heads()).has(component), { timeout: 30_000 }).toBe(true);
      },
    );

    describe('order', () => {
      it('is the one in which append was called', async () => {
        const calls = Array.from({ length: 300 }, () => [event('order'), event('order')]);
        const results = await Promise.all(calls.map((events) => log.append(events)));
        expect(isRising(results.flatMap(sequences))).toBe(true);
        expect(ids(await other.read('order', 0, 1_000))).toEqual(calls.flatMap(ids));
      });

      it('holds for a reader who goes from head to head, while two hosts write', async () => {
        const mine = 'acme.hello.mine';
        const each = 200;
        let writing = true;
        // As a subscription does it: what lies below the head of a page that is not full is stepped over.
        const read = async (from: EventLog) => {
          const seen: StoredEvent[] = [];
          for (let cursor = 0; ; ) {
            const isLast = !writing;
            const { head, events } = await from.page('race', cursor, 25, [mine]);
            if (head <= cursor && isLast) return seen;
            seen.push(...events);
            cursor = events.at(-1)?.sequence ?? cursor;
            if (events.length < 25) cursor = Math.max(cursor, head);
            await setImmediate(); // where it is known without looking that there is nothing, nothing else waits
          }
        };
        const reading = Promise.all([read(log), read(other)]);
        const written = await Promise.all(
          [log, other].map(async (target) => {
            const events = Array.from({ length: each }, () => event('race', { event_type: mine }));
            for (const one of events) await target.append([event('race'), one, event('elsewhere')]);
            return events;
          }),
        );
        writing = false;
        for (const seen of await reading) {
          expect(isRising(sequences(seen))).toBe(true);
          expect(ids(seen).sort()).toEqual(written.flatMap(ids).sort());
        }
      });
    });

    it('reads above a sequence, by type, at most so many', async () => {
      const types = ['a', 'b', 'a', 'c', 'a'].map((type) => `acme.hello.${type}`);
      const stored = sequences(
        await log.append(types.map((event_type) => event('filter', { event_type }))),
      ) as [number, number, number, number, number];
      const read = async (...args: [number, number, string[]?]) =>
        sequences(await other.read('filter', ...args));
      expect(await read(stored[1], 2)).toEqual(stored.slice(2, 4));
      expect(await read(stored[0], 10, ['acme.hello.a', 'acme.hello.c'])).toEqual(stored.slice(2));
      expect(await read(0, 2, ['acme.hello.c', 'acme.hello.b', 'acme.hello.b'])).toEqual([
        stored[1],
        stored[3],
      ]);
      expect(await read(stored[4], 10)).toEqual([]);
      expect(await read(0, 10, [])).toEqual([]);
      expect(await log.read('nobody', 0, 10)).toEqual([]);
    });

    it('reads through many, page by page', async () => {
      const events = Array.from({ length: 450 }, (_, i) =>
        event('pages', { event_type: i % 3 === 0 ? 'acme.hello.third' : 'acme.hello.other' }),
      );
      const stored = await log.append(events);
      const pages: StoredEvent[][] = [];
      for (let after = 0; ; after = pages.at(-1)?.at(-1)?.sequence ?? 0) {
        const page = await other.read('pages', after, 40, ['acme.hello.third']);
        if (page.length === 0) break;
        pages.push(page);
      }
      expect(pages.map((page) => page.length)).toEqual([40, 40, 40, 30]);
      expect(sequences(pages.flat())).toEqual(sequences(stored).filter((_, i) => i % 3 === 0));
    });

    it('knows the highest number of each component, and it can be read', async () => {
      const stored = await log.append([event('one'), event('two'), event('one')]);
      const heads = await log.heads();
      expect([heads.get('two'), heads.get('one')]).toEqual(sequences(stored.slice(1)));
      for (const [component, head] of heads)
        expect(sequences(await log.read(component, head - 1, 10))).toEqual([head]);
      await expect
        .poll(async () => (await other.heads()).get('one'), { timeout: 30_000 })
        .toBe(heads.get('one'));
    });

    describe('the same id twice', () => {
      it('is one event', async () => {
        const again = event('twice');
        const [first] = await log.append([again]);
        expect(await log.append([again])).toEqual([first]);
        const [, second] = await other.append([event('twice'), again]);
        expect(second).toEqual(first);
        expect(await log.read('twice', 0, 10)).toHaveLength(2);
      });

      it('is one event in one batch too', async () => {
        const again = event('batch');
        const appended = await Promise.all([
          log.append([again, event('batch'), again]),
          log.append([again, { ...again, data: 'second' }]),
        ]);
        const same = appended.flat().filter(({ event_id }) => event_id === again.event_id);
        expect(new Set(sequences(same)).size).toBe(1);
        const read = await log.read('batch', 0, 10);
        expect(ids(read)).toEqual([again.event_id, appended[0]?.[1]?.event_id]);
        expect(read[0]?.data).toEqual({ n: 1 });
      });

      it('is one event when two hosts append it at once', async () => {
        const shared = Array.from({ length: 60 }, () => event('shared'));
        const results = await Promise.all(
          shared.flatMap((one) => [log.append([one]), other.append([{ ...one }])]),
        );
        expect(ids(await log.read('shared', 0, 1_000)).sort()).toEqual(ids(shared).sort());
        for (let i = 0; i < 120; i += 2) expect(results[i]).toEqual(results[i + 1]);
      });

      it('is one event even below two components', async () => {
        const shared = Array.from({ length: 40 }, () => uuidV7());
        await Promise.all(
          shared.flatMap((event_id) => [
            log.append([event('left', { event_id })]),
            other.append([event('right', { event_id })]),
          ]),
        );
        const read = [...(await log.read('left', 0, 1_000)), ...(await log.read('right', 0, 1_000))];
        expect(ids(read).sort()).toEqual(shared.sort());
      });
    });

    describe('refuses', () => {
      const now = Date.now();
      it.each<[string, Partial<NewEvent>]>([
        ['an id that is no uuid v7', { event_id: '0190163d-8694-4a1b-8a1b-0190163d8694' }],
        ['an id older than events are kept', { event_id: uuidV7(now - 9 * DAY_MS) }],
        ['an id from the future', { event_id: uuidV7(now + 2 * DAY_MS) }],
        ['a type with NUL', { event_type: 'a\0b' }],
        ['a broken component', { source: { component: '\ud800', extension: null } }],
        ['a version that is no integer', { schema_version: 1.5 }],
        ['data that is too large', { data: 'x'.repeat(1_000_001) }],
      ])('%s, and nothing else', async (_, changes) => {
        expect(() => log.check(event('refused', changes))).toThrow(
          expect.objectContaining({ code: 'E_EVENT_SCHEMA' }),
        );
        log.check(event('refused'));
        const results = await Promise.allSettled([
          log.append([event('refused')]),
          log.append([event('refused', changes)]),
          log.append([event('refused')]),
        ]);
        expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(results[1]).toMatchObject({ reason: { code: 'E_EVENT_SCHEMA' } });
      });

      it('not the largest data there may be', async () => {
        const data = 'x'.repeat(999_998);
        await log.append([event('large', { data })]);
        expect((await other.read('large', 0, 1))[0]?.data).toBe(data);
      });
    });

    it('finds where to begin, by time and by id', async () => {
      const before = new Date();
      await new Promise((resolve) => setTimeout(resolve, 20));
      const events = [event('from'), event('from')] as const;
      const stored = await log.append(events);
      await log.append([event('behind')]);
      const from = (point: Parameters<typeof other.firstFrom>[1]) => other.firstFrom('from', point);
      expect(await from({ time: before })).toBe(stored[0]?.sequence);
      expect(await from({ time: new Date(0) })).toBe(stored[0]?.sequence);
      expect(await from({ time: new Date(Date.now() + DAY_MS) })).toBeNull();
      expect(await from({ eventId: events[1].event_id })).toBe(stored[1]?.sequence);
      expect(await from({ eventId: uuidV7() })).toBeNull();
      expect(await other.firstFrom('behind', { eventId: events[1].event_id })).toBeNull();
      await expect(from({ eventId: 'x' })).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
      const ahead = event('from', { event_id: uuidV7(Date.now() + DAY_MS / 2) });
      const [late] = await log.append([ahead]);
      expect(await from({ eventId: ahead.event_id })).toBe(late?.sequence);
    });

    it('shows people the newest first', async () => {
      const now = Date.now();
      const shown = [3, 2, 1].map((age) =>
        event('people', { event_id: uuidV7(now - age * 1_000), event_type: 'acme.hello.shown' }),
      );
      for (const one of shown) await log.append([one, event('crowd'), event('crowd')]);
      const newest = async (filter: Omit<Parameters<typeof other.latest>[0], 'limit'>, limit = 10) =>
        ids(await other.latest({ ...filter, limit }));
      const expected = ids(shown).reverse();
      expect(await newest({ component: 'people' })).toEqual(expected);
      expect(await newest({ component: 'people' }, 1)).toEqual(expected.slice(0, 1));
      expect(await newest({ type: 'acme.hello.shown' })).toEqual(expected);
      expect(await newest({ component: 'crowd', type: 'acme.hello.shown' })).toEqual([]);
      expect(await newest({ component: 'people', after: expected[1] ?? '' })).toEqual(expected.slice(0, 1));
      expect(await newest({ component: 'people', after: expected[0] ?? '' })).toEqual([]);
      expect(await newest({ component: 'people', after: uuidV7(now - 60_000) })).toEqual(expected);
      expect(await newest({}, 2)).toHaveLength(2);
      await expect(newest({ after: 'x' })).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    });

    it('wakes listeners here and on other hosts', async () => {
      const into = (names: Set<string>) => (components: readonly string[]) => {
        for (const component of components) names.add(component);
      };
      const woken = { here: new Set<string>(), there: new Set<string>() };
      onTestFinished(log.onAppend(into(woken.here)));
      const stop = other.onAppend(into(woken.there));
      onTestFinished(stop);
      await log.append([event('wake1')]);
      await expect.poll(() => woken.here.has('wake1'), { timeout: 30_000 }).toBe(true);
      await expect.poll(() => woken.there.has('wake1'), { timeout: 30_000 }).toBe(true);
      expect((await other.heads()).has('wake1')).toBe(true);
      await log.append(Array.from({ length: 30 }, (_, i) => event(`many${i}`)));
      await expect.poll(() => woken.there.has('many29'), { timeout: 30_000 }).toBe(true);
      stop();
      await log.append([event('unheard')]);
      await expect.poll(async () => (await other.heads()).has('unheard'), { timeout: 30_000 }).toBe(true);
      expect(woken.there.has('unheard')).toBe(false);
    });

    it('lets a subscription start behind the newest event, and keeps its place', async () => {
      const key = { extension: 'acme/places', type: 'acme.hello.greeted' } as const;
      const place = async () =>
        (await other.subscriptions()).find((one) => one.extension === key.extension)?.cursors.get('place');
      const [first] = await log.append([event('place')]);
      await log.subscribe(key);
      expect(await place()).toBe(first?.sequence);
      const [second] = await log.append([event('place')]);
      await log.subscribe(key);
      expect(await place()).toBe(first?.sequence);
      await other.advance(key, 'place', second?.sequence ?? 0);
      await other.advance(key, 'place', first?.sequence ?? 0);
      expect(await place()).toBe(second?.sequence);
      await log.unsubscribe(key.extension);
    });

    busContract(() => ({ log, other }));
  });
}
