import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createEventLog, type StoredEventLog } from '../../../host/storage/event-log.ts';
import { dayOf } from '../../../host/storage/event-row.ts';
import type { StoredEvent } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';

type NewEvent = Omit<StoredEvent, 'sequence'>;
const DAY_MS = 86_400_000;

const event = (component: string, changes: Partial<NewEvent> = {}): NewEvent => ({
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

const into = (names: Set<string>) => (components: readonly string[]) => {
  for (const component of components) names.add(component);
};
const sequences = (events: readonly { sequence: number }[]) => events.map((one) => one.sequence);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('event log', () => {
  let test: TestDatabase;
  let databases: Database[];
  let log: StoredEventLog;
  let other: StoredEventLog;
  beforeAll(async () => {
    test = await createTestDatabase();
    databases = await Promise.all([openDatabase(test.url), openDatabase(test.url)]);
    [log, other] = databases.map((database) => createEventLog(database, silentLogger)) as [
      StoredEventLog,
      StoredEventLog,
    ];
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
    const appended = await log.append([written]);
    expect(appended).toEqual([{ event_id: written.event_id, sequence: 1 }]);
    const [read] = await log.read('exact', 0, 10);
    expect(read).toEqual({ ...written, sequence: 1 });
    expect(JSON.stringify(read?.data)).toBe(JSON.stringify(written.data));
  });

  it('numbers each component by itself, in the order given', async () => {
    const appended = await log.append([event('one'), event('two'), event('one'), event('one')]);
    expect(sequences(appended)).toEqual([1, 1, 2, 3]);
    expect(await log.append([])).toEqual([]);
    const heads = await log.heads();
    expect([heads.get('one'), heads.get('two')]).toEqual([3, 1]);
  });

  it('reads above a sequence, by type, at most so many', async () => {
    const types = ['a', 'b', 'a', 'c', 'a'];
    await log.append(types.map((type) => event('filter', { event_type: `acme.hello.${type}` })));
    expect(sequences(await log.read('filter', 2, 2))).toEqual([3, 4]);
    expect(sequences(await log.read('filter', 1, 10, ['acme.hello.a', 'acme.hello.c']))).toEqual([3, 4, 5]);
    expect(await log.read('filter', 5, 10)).toEqual([]);
    expect(await log.read('filter', 0, 10, [])).toEqual([]);
  });

  describe('the same id twice', () => {
    it('is one event, and consumes no number', async () => {
      const again = event('twice');
      expect(sequences(await log.append([again]))).toEqual([1]);
      expect(sequences(await log.append([again]))).toEqual([1]);
      expect(sequences(await other.append([event('twice'), again, event('twice')]))).toEqual([2, 1, 3]);
      expect(sequences(await log.read('twice', 0, 10))).toEqual([1, 2, 3]);
    });

    it('is one event in one batch too', async () => {
      const again = event('batch');
      const appended = await Promise.all([
        log.append([again, event('batch'), again]),
        log.append([again, { ...again, data: 'second' }]),
      ]);
      expect(appended.map(sequences)).toEqual([
        [1, 2, 1],
        [1, 1],
      ]);
      expect((await log.read('batch', 0, 1))[0]?.data).toEqual({ n: 1 });
    });

    it('is one event when two hosts append it at once', async () => {
      const shared = Array.from({ length: 60 }, () => event('shared'));
      const results = await Promise.all(
        shared.flatMap((one) => [log.append([one]), other.append([{ ...one }])]),
      );
      expect(sequences(await log.read('shared', 0, 1_000))).toEqual(upTo(60));
      for (let i = 0; i < 120; i += 2) expect(results[i]).toEqual(results[i + 1]);
    });

    it('is one event even below two components', async () => {
      const ids = Array.from({ length: 40 }, () => uuidV7());
      await Promise.all(
        ids.flatMap((event_id) => [
          log.append([event('left', { event_id })]),
          other.append([event('right', { event_id })]),
        ]),
      );
      const left = await log.read('left', 0, 1_000);
      const right = await log.read('right', 0, 1_000);
      expect(left.length + right.length).toBe(40);
      expect(sequences(left)).toEqual(upTo(left.length));
      expect(sequences(right)).toEqual(upTo(right.length));
    });
  });

  it('never shows a reader a number before all below it, from two hosts and many components', async () => {
    const components = ['c1', 'c2', 'c3'];
    const each = 150;
    const seen = new Map<string, number[]>(components.map((name) => [name, []]));
    let writing = true;
    const reader = async (component: string) => {
      const mine = seen.get(component) ?? [];
      for (let last = false; !last; ) {
        last = !writing;
        for (const { sequence } of await log.read(component, mine.at(-1) ?? 0, 50)) mine.push(sequence);
        if (last && mine.length < each * 2) last = (await log.heads()).get(component) === mine.at(-1);
      }
    };
    const reading = Promise.all(components.map(reader));
    const append = async (target: StoredEventLog, host: number) => {
      // Hosts name the components in opposite orders, which would deadlock if locks were taken that way.
      const order = host === 0 ? components : components.toReversed();
      // One after the other: together they would be one batch, and there would be nothing to race.
      for (let i = 0; i < each; i += 1) await target.append(order.map((component) => event(component)));
    };
    await Promise.all([log, other].map(append));
    writing = false;
    await reading;
    for (const component of components) expect(seen.get(component)).toEqual(upTo(each * 2));
  });

  describe('refuses', () => {
    const now = Date.now();
    it.each<[string, Partial<NewEvent>]>([
      ['an id that is no uuid v7', { event_id: '0190163d-8694-4a1b-8a1b-0190163d8694' }],
      ['an id that is no uuid', { event_id: "1' OR '1'='1" }],
      ['an id older than events are kept', { event_id: uuidV7(now - 9 * DAY_MS) }],
      ['an id from the future', { event_id: uuidV7(now + 2 * DAY_MS) }],
      ['an id from the far future', { event_id: uuidV7(2 ** 48 - 1) }],
      ['a type with NUL', { event_type: 'a\0b' }],
      ['a broken component', { source: { component: '\ud800', extension: null } }],
      ['a version that is no integer', { schema_version: 1.5 }],
      ['a version that does not fit', { schema_version: 2 ** 31 }],
      ['data that is too large', { data: 'x'.repeat(1_000_001) }],
    ])('%s', async (_, changes) => {
      const good = event('refused');
      const results = await Promise.allSettled([
        log.append([good]),
        log.append([event('refused', changes)]),
        log.append([event('refused')]),
      ]);
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(results[1]).toMatchObject({ reason: { code: 'E_EVENT_SCHEMA' } });
    });

    it('only the data that is no JSON text', async () => {
      let deep: StoredEvent['data'] = 0;
      for (let i = 0; i < 200_000; i += 1) deep = [deep];
      await expect(log.append([event('refused', { data: deep })])).rejects.toMatchObject({
        code: 'E_EVENT_SCHEMA',
      });
    });

    it('only the event that Postgres itself refuses', async () => {
      await test.pool.query(`ALTER TABLE mag.events ADD CONSTRAINT poison CHECK (event_type <> 'poison')`);
      const results = await Promise.allSettled([
        log.append([event('mixed')]),
        log.append([event('mixed'), event('mixed', { event_type: 'poison' })]),
        log.append([event('mixed')]),
      ]);
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(results[1]).toMatchObject({ reason: { code: 'E_EVENT_SCHEMA' } });
      expect(sequences(await log.read('mixed', 0, 10))).toEqual([1, 2]);
    });
  });

  it('makes a partition again that another host dropped', async () => {
    const now = Date.now();
    const event_id = uuidV7(now - 5 * DAY_MS);
    await log.append([event('dropped', { event_id })]);
    await test.pool.query(`DROP TABLE mag.events_${dayOf(now, -5).replaceAll('-', '')}`);
    expect(sequences(await log.append([event('dropped', { event_id })]))).toEqual([2]);
  });

  it('shows people the newest first', async () => {
    const now = Date.now();
    const [old, middle, young] = [now - 2 * DAY_MS, now - 1_000, now + 60_000].map((time) => uuidV7(time));
    for (const event_id of [old, young, middle]) {
      await log.append([event('people', { event_id: event_id ?? '', event_type: 'acme.hello.shown' })]);
    }
    const ids = async (filter: { after?: string; limit: number }) =>
      (await log.latest({ ...filter, component: 'people' })).map((one) => one.event_id);
    expect(await ids({ limit: 10 })).toEqual([young, middle, old]);
    expect(await ids({ limit: 1 })).toEqual([young]);
    expect(await ids({ limit: 10, after: middle ?? '' })).toEqual([young]);
    expect(await log.latest({ type: 'acme.hello.shown', limit: 10 })).toHaveLength(3);
    await expect(log.latest({ after: 'x', limit: 1 })).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
  });

  it('wakes listeners here and on other hosts', async () => {
    const woken = { here: new Set<string>(), there: new Set<string>() };
    onTestFinished(log.onAppend(into(woken.here)));
    onTestFinished(other.onAppend(into(woken.there)));
    await log.append([event('wake1')]);
    expect([...woken.here]).toContain('wake1');
    await expect.poll(() => [...woken.there], { timeout: 30_000 }).toContain('wake1');
    await log.append(Array.from({ length: 30 }, (_, i) => event(`many${i}`)));
    await expect.poll(() => woken.there.has('many29'), { timeout: 30_000 }).toBe(true);
  });

  it('wakes everybody again after the listening connection broke', async () => {
    const woken = new Set<string>();
    onTestFinished(other.onAppend(into(woken)));
    await log.append([event('before')]);
    await expect.poll(() => woken.has('before'), { timeout: 30_000 }).toBe(true);
    woken.clear();
    await test.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'magflock mag_events' AND datname = current_database()",
    );
    await expect.poll(() => woken.has('before'), { timeout: 30_000 }).toBe(true);
  });

  it('keeps a partition for each day, ahead of need, and drops the old ones', async () => {
    const own = await createTestDatabase();
    const database = await openDatabase(own.url);
    let now = Date.now();
    const aged = createEventLog(database, silentLogger, { clock: { now: () => new Date(now) } });
    try {
      const partitions = async () =>
        (
          await own.pool.query(
            "SELECT relname FROM pg_class WHERE relname ~ '^events_[0-9]{8}$' AND relkind = 'r' ORDER BY 1",
          )
        ).rows.map((row) => String(row.relname).replace(/^events_(....)(..)(..)$/, '$1-$2-$3'));
      await aged.append([
        event('aged', { event_id: uuidV7(now - 3 * DAY_MS) }),
        event('aged', { event_id: uuidV7(now) }),
      ]);
      expect(await partitions()).toEqual([dayOf(now, -3), dayOf(now), dayOf(now, 1)]);
      expect(await aged.dropExpired()).toEqual([]);
      now += 5 * DAY_MS;
      expect(await aged.dropExpired()).toEqual([dayOf(now, -8)]);
      expect(sequences(await aged.read('aged', 0, 10))).toEqual([2]);
      await aged.append([event('aged', { event_id: uuidV7(now) })]);
      expect(await partitions()).toContain(dayOf(now, 1));
      expect(sequences(await aged.read('aged', 0, 10))).toEqual([2, 3]);
    } finally {
      await aged.close();
      await database.close();
      await own.drop();
    }
  });
});
