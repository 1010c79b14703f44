import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createStores } from '../../../host/storage/stores.ts';
import { EventBus } from '../../../kernel/events/bus.ts';
import { EventTypes } from '../../../kernel/events/event-types.ts';
import { type Deliver, inTurn } from '../../../kernel/events/in-turn.ts';
import type { EventLog, StoredEvent } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const TYPE = 'acme.hello.greeted';
const ME = 'acme/hello';
const SCHEMA = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };

describe('EventBus', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  let stores: ReturnType<typeof createStores>;
  let buses: EventBus[];
  let seen: number[];
  let handler: (event: StoredEvent) => Promise<'handled' | 'parked'>;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = await openDatabase(testDatabase.url);
  });
  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });
  beforeEach(() => {
    stores = createStores(database, silentLogger);
    buses = [];
    seen = [];
    handler = async (event) => {
      seen.push((event.data as { n: number }).n);
      return 'handled';
    };
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.stop()));
    await stores.events.unsubscribe(ME);
    await stores.close();
  });

  const open = (
    deliver: Deliver = (_extension, events) => inTurn(events, (event) => handler(event)),
    log: EventLog = stores.events,
  ) => {
    const types = new EventTypes();
    types.declare(ME, new Map([[TYPE, SCHEMA]]));
    const bus = new EventBus({
      log,
      types,
      clock: { now: () => new Date() },
      logger: silentLogger,
      retry: { attempts: 3, baseMs: 5, maxMs: 10 },
      deliver,
    });
    buses.push(bus);
    return bus;
  };
  const publish = async (bus: EventBus, ...numbers: number[]) => {
    for (const n of numbers) await bus.publishFrom(ME, { type: TYPE, data: { n } });
  };
  const settled = (count: number) =>
    until(
      async () => seen.length,
      (length) => length >= count,
    );

  it('stamps source and a gapless sequence', async () => {
    const bus = open();
    const first = await bus.publishFrom(ME, { type: TYPE, data: { n: 1 } });
    const second = await bus.publishFrom(ME, { type: TYPE, data: { n: 2 } });
    expect(second.sequence).toBe(first.sequence + 1);
    const [newest] = await stores.events.latest({ type: TYPE, limit: 1 });
    expect(newest).toMatchObject({
      source: { component: 'extension', extension: ME },
      sequence: second.sequence,
    });
  });

  it.each([
    ['outside its namespace', 'acme.other.greeted', { n: 1 }, 'E_EVENT_NAMESPACE'],
    ['of a type nobody declared', 'acme.hello.unknown', { n: 1 }, 'E_EVENT_SCHEMA'],
    ['with data that does not match', TYPE, { n: 'one' }, 'E_EVENT_SCHEMA'],
  ])('refuses an event %s', async (_what, type, data, code) => {
    await expect((async () => open().publishFrom(ME, { type, data }))()).rejects.toMatchObject({ code });
  });

  it('lets a component publish only what is its own', async () => {
    const data = { extension: ME, version: '1.0.0' };
    await expect(open().publish('magds', { type: 'extension.enabled', data })).rejects.toMatchObject({
      code: 'E_EVENT_NAMESPACE',
    });
  });

  it('writes high-rate events only while somebody subscribes', async () => {
    const bus = open();
    const event = { type: 'api.request.received', data: { extension: ME, method: 'GET', path: '/' } };
    expect(await bus.publish('maggate', event)).toBeNull();
    await bus.resume(ME, ['api.request.received']);
    expect(await bus.publish('maggate', event)).not.toBeNull();
  });

  it('delivers in order, what is published after subscribing', async () => {
    const bus = open();
    await publish(bus, 0);
    await bus.resume(ME, [TYPE]);
    await publish(bus, 1, 2, 3);
    await settled(3);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('takes the same id once', async () => {
    const bus = open();
    await bus.resume(ME, [TYPE]);
    const { eventId, sequence } = await bus.publishFrom(ME, { type: TYPE, data: { n: 1 } });
    const again = await bus.publishFrom(ME, { type: TYPE, data: { n: 1 }, eventId });
    expect(again).toEqual({ eventId, sequence });
    await publish(bus, 2);
    await settled(2);
    expect(seen).toEqual([1, 2]);
  });

  it('retries in place, keeping the order', async () => {
    const bus = open();
    let failures = 2;
    const record = handler;
    handler = async (event) => {
      if ((event.data as { n: number }).n === 2 && failures-- > 0) throw new Error('not yet');
      return record(event);
    };
    await bus.resume(ME, [TYPE]);
    await publish(bus, 1, 2, 3);
    await settled(3);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('moves on from what can never be handled, and keeps it as a dead letter', async () => {
    const bus = open();
    const record = handler;
    handler = async (event) => {
      if ((event.data as { n: number }).n === 41) throw new Error('never');
      return record(event);
    };
    await bus.resume(ME, [TYPE]);
    await publish(bus, 40, 41, 42);
    await settled(2);
    expect(seen).toEqual([40, 42]);
    const letters = await stores.events.deadLetters({ limit: 10 });
    expect(letters[0]).toMatchObject({
      subscription: { extension: ME, type: TYPE },
      attempts: 3,
      event: { data: { n: 41 } },
    });
  });

  it('hands over several at once, and tries again from the one that failed', async () => {
    const hands: number[][] = [];
    const numberOf = ({ data }: StoredEvent) => (data as { n: number }).n;
    let failures = 2;
    const bus = open((_extension, events) => {
      hands.push(events.map(numberOf));
      return inTurn(events, async (event) => {
        if (numberOf(event) === 5 && failures-- > 0) throw new Error('not now');
        seen.push(numberOf(event));
        return 'handled';
      });
    });
    await bus.resume(ME, [TYPE]);
    await bus.park(ME);
    await publish(bus, ...Array.from({ length: 12 }, (_, n) => n));
    await bus.resume(ME, [TYPE]);
    await settled(12);
    expect(seen).toEqual(Array.from({ length: 12 }, (_, n) => n));
    // One, two, four while all goes well, and one alone behind a failure.
    expect(hands.slice(0, 5)).toEqual([[0], [1, 2], [3, 4, 5, 6], [5], [5]]);
    await bus.park(ME);
    const [subscription] = await stores.events.subscriptions();
    expect(subscription?.cursors.get('extension')).toBe((await stores.events.heads()).get('extension'));
  });

  it('keeps the place of a parked subscription, also for another host', async () => {
    const bus = open();
    await bus.resume(ME, [TYPE]);
    await publish(bus, 1);
    await settled(1);
    await bus.park(ME);
    await publish(bus, 2, 3);
    await bus.stop();
    const next = open();
    await next.resume(ME, [TYPE]);
    await settled(3);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('does not begin to deliver to whom it was parked for meanwhile', async () => {
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: EventLog = {
      ...stores.events,
      async subscriptions() {
        asked.resolve();
        await answered.promise;
        return stores.events.subscriptions();
      },
    };
    const bus = open(undefined, slow);
    const resuming = bus.resume(ME, [TYPE]);
    await asked.promise;
    await bus.park(ME);
    answered.resolve();
    await resuming;
    const [status] = await bus.subscriptions();
    expect(status).toMatchObject({ host: null, counts: null });
  });

  it('delivers again what was not acknowledged when it stopped', async () => {
    const bus = open();
    handler = async () => 'parked';
    await bus.resume(ME, [TYPE]);
    await publish(bus, 5);
    await bus.stop();
    handler = async (event) => {
      seen.push((event.data as { n: number }).n);
      return 'handled';
    };
    await open().resume(ME, [TYPE]);
    await settled(1);
    expect(seen).toEqual([5]);
  });
});
