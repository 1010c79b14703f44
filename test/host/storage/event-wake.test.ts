import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChannelStore } from '../../../host/storage/channel-store.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const room = { extension: 'acme/talk', channel: 'room', tenantId: 't_a' } as const;

describe('hosts that tell each other that there is news', () => {
  let test: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  /** Somebody who listens, and has heard of everything there was. */
  const listening = async () => {
    const heard: string[] = [];
    const store = createChannelStore(database, silentLogger);
    store.onChange(
      () => [room],
      (change) => heard.push(change),
    );
    // The connect, and the first look.
    await until(
      async () => heard.filter((change) => change === 'said').length,
      (times) => times >= 2,
    );
    heard.length = 0;
    return { heard, [Symbol.asyncDispose]: () => store.close() };
  };
  /** A host whose notifications do not get through `failures` times. */
  const failing = (failures: number) => {
    const failed: unknown[] = [];
    const query: Database['query'] = async (statement, values) => {
      const isNotice = String(statement).includes('pg_notify');
      if (!isNotice || failed.length >= failures) return database.query(statement, values);
      throw failed[failed.push(new Error('no connection')) - 1];
    };
    return { failed, store: createChannelStore({ ...proxied(database), query }, silentLogger) };
  };

  it('try again when they could not', async () => {
    await using there = await listening();
    const { store, failed } = failing(1);
    await store.append(room, '1', 10);
    await until(
      async () => there.heard.length,
      (times) => times > 0,
    );
    // Of the same news it hears again, should it look for itself at that moment.
    expect([new Set(there.heard), failed.length]).toEqual([new Set(['said']), 1]);
    await store.close();
  });

  it('are heard of within seconds when they died before they told', async () => {
    await using there = await listening();
    const { store, failed } = failing(Number.POSITIVE_INFINITY);
    await store.append(room, '2', 10);
    await store.close();
    expect(failed.length).toBeGreaterThan(0);
    await until(
      async () => there.heard.length,
      (times) => times > 0,
    );
    expect(there.heard).toEqual(['said']);
  });
});

function proxied({ url, hostId, versionNum, transaction, close }: Database): Omit<Database, 'query'> {
  return { url, hostId, versionNum, transaction, close, [Symbol.asyncDispose]: close };
}
