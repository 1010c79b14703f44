import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../host/storage/database.ts';
import { createStores, type PostgresStores } from '../../host/storage/stores.ts';
import { EventBus } from '../../kernel/events/bus.ts';
import { EventTypes } from '../../kernel/events/event-types.ts';
import { inTurn } from '../../kernel/events/in-turn.ts';
import type { StoredEvent } from '../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { uuidV7 } from '../support/uuid-v7.ts';

const ME = 'acme/hello';
const TYPE = 'acme.hello.said';

const event = (n: number): Omit<StoredEvent, 'sequence'> => ({
  event_id: uuidV7(),
  event_type: TYPE,
  schema_version: 1,
  timestamp: new Date().toISOString(),
  source: { component: 'extension', extension: ME },
  data: { n },
  context: {},
  capabilities_required: [],
});

describe('an event that took its place early and is committed late', () => {
  let test: TestDatabase;
  let databases: Database[];
  let stores: PostgresStores[];
  let buses: EventBus[];

  beforeAll(async () => {
    test = await createTestDatabase();
    databases = [await openDatabase(test.url), await openDatabase(test.url)];
    stores = databases.map((database) => createStores(database, silentLogger));
    buses = [];
  });
  afterAll(async () => {
    for (const bus of buses) await bus.stop();
    for (const store of stores) await store.close();
    for (const database of databases) await database.close();
    await test.drop();
  });

  it('is delivered in its place, with readers and other writers at work all the while', async () => {
    const [mine, others] = stores as [PostgresStores, PostgresStores];
    const seen: number[] = [];
    const types = new EventTypes();
    types.declare(ME, new Map([[TYPE, { type: 'object' }]]));
    const bus = new EventBus({
      log: mine.events,
      types,
      clock: { now: () => new Date() },
      logger: silentLogger,
      deliver: (_extension, events) =>
        inTurn(events, async ({ data }) => {
          seen.push((data as { n: number }).n);
          return 'handled';
        }),
    });
    buses.push(bus);
    await bus.resume(ME, [TYPE]);
    await mine.events.append([event(0)]);

    let round = 1;
    for (; round <= 40; round += 2) {
      const client = await test.pool.connect();
      await client.query('BEGIN');
      // What the log itself does in one statement, left open: its place is taken and nobody sees it.
      const late = event(round);
      await client.query('SELECT mag.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', [
        [late.event_id],
        [late.timestamp.slice(0, 10)],
        ['extension'],
        [TYPE],
        [1],
        [late.timestamp],
        [ME],
        [JSON.stringify(late.data)],
        ['{}'],
        ['[]'],
      ]);
      const behind = others.events.append([event(round + 1)]);
      await sleep(20);
      expect(seen).not.toContain(round + 1); // it waits behind the one nobody sees
      await client.query('COMMIT');
      client.release();
      await behind;
    }
    await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(round);
    expect(seen).toEqual(Array.from({ length: round }, (_, index) => index));
  });
});
