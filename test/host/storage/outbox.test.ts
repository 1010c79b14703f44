import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createStores, type PostgresStores } from '../../../host/storage/stores.ts';
import { OutboxRelay, type OutboxRelayOptions } from '../../../kernel/events/outbox-relay.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';

const ME = 'acme/me';
const OTHER = 'acme/other';

describe('the outbox', () => {
  let test: TestDatabase;
  let database: Database;
  let stores: PostgresStores;
  let relays: OutboxRelay[];

  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
    stores = createStores(database, silentLogger);
  });
  afterAll(async () => {
    await stores.close();
    await database.close();
    await test.drop();
  });
  beforeEach(() => {
    relays = [];
  });
  afterEach(() => Promise.all(relays.map((relay) => relay.stop())));

  const leave = async (extension: string, n: number, eventId = uuidV7()) => {
    const event = {
      event_id: eventId,
      event_type: `${extension.replace('/', '.')}.done`,
      schema_version: 1,
      timestamp: new Date().toISOString(),
      source: { component: 'extension', extension },
      data: { n },
      context: {},
      capabilities_required: [],
    };
    await test.pool.query('INSERT INTO mag.outbox (extension, event) VALUES ($1, $2)', [extension, event]);
  };
  const relay = (options: Partial<OutboxRelayOptions> = {}) => {
    const parts = { outbox: stores.outbox, log: stores.events, logger: silentLogger };
    const made = new OutboxRelay({ ...parts, ...options });
    relays.push(made);
    made.start();
    return made;
  };
  const logged = async (extension: string) => {
    const { rows } = await test.pool.query(
      "SELECT (data->>'n')::int AS n FROM mag.events WHERE extension = $1 ORDER BY sequence",
      [extension],
    );
    return rows.map(({ n }) => n);
  };
  const left = async () => (await test.pool.query('SELECT count(*)::int AS n FROM mag.outbox')).rows[0].n;

  it('is emptied in order, by several hosts at once', async () => {
    for (let n = 1; n <= 450; n++) await leave(n % 2 === 0 ? ME : OTHER, n);
    for (let i = 0; i < 4; i++) relay();
    await until(left, (n) => n === 0);
    const numbers = Array.from({ length: 450 }, (_, i) => i + 1);
    expect(await logged(ME)).toEqual(numbers.filter((n) => n % 2 === 0));
    expect(await logged(OTHER)).toEqual(numbers.filter((n) => n % 2 === 1));
  });

  it('is one event for one id, however often it is handed over', async () => {
    const id = uuidV7();
    await leave(ME, 1_000, id);
    let tries = 0;
    const log: OutboxRelayOptions['log'] = {
      async append(events) {
        const appended = await stores.events.append(events);
        if (++tries === 1) throw new Error('gone right behind the append');
        return appended;
      },
    };
    relay({ log, lookMs: 3_600_000 }); // it does not wait for the next look
    await until(left, (n) => n === 0);
    expect(tries).toBe(2);
    expect((await logged(ME)).filter((n) => n === 1_000)).toHaveLength(1);
  });

  it('does not stop at what the log never takes', async () => {
    await leave(ME, 1_001);
    await leave(ME, 1_002, '00000000-0000-7000-8000-000000000000'); // older than anything kept
    await leave(ME, 1_003);
    relay();
    await until(left, (n) => n === 0);
    expect((await logged(ME)).filter((n) => n > 1_000)).toEqual([1_001, 1_003]);
  });
});
