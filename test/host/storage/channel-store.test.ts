import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChannelStore, createChannelStore } from '../../../host/storage/channel-store.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const roomOf = (channel: string, tenantId = 't_acme') =>
  ({ extension: 'acme/talk', channel, tenantId }) as const;
const ada = { id: 'token:ada', name: 'Ada' };

describe('the store of channels', () => {
  let test: TestDatabase;
  let database: Database;
  let store: ChannelStore;

  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
    store = createChannelStore(database, silentLogger);
    await test.pool.query(
      `INSERT INTO mag.hosts (id, node, address, version, pid) VALUES ($1, 'n', 'a', '1', 1)`,
      [database.hostId],
    );
  });
  afterAll(async () => {
    await store.close();
    await database.close();
    await test.drop();
  });

  it('numbers messages without a gap, however many come at once, each room for itself', async () => {
    const room = roomOf('busy');
    const sent = await Promise.all(Array.from({ length: 50 }, (_, n) => store.append(room, String(n), 10)));
    expect(sent.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => n + 1),
    );
    expect((await store.append(roomOf('busy', 't_other'), '1', 10)).sequence).toBe(1);
    expect((await store.after(room, 48, 10)).map(({ sequence }) => sequence)).toEqual([49, 50]);
    expect(await store.head(room)).toBe(50);
  });

  it('keeps what it is given to the letter, and no more messages than a room may have', async () => {
    const room = roomOf('long');
    const odd = JSON.stringify('\u0000 \ud800 "');
    expect((await store.append(room, odd, 10)).data).toBe(odd);
    for (let n = 0; n < 1_300; n += 50)
      await Promise.all(Array.from({ length: 50 }, () => store.append(room, '1', 10)));
    const { rows } = await test.pool.query(
      'SELECT count(*)::int AS n FROM mag.channel_messages WHERE channel = $1',
      ['long'],
    );
    expect(rows[0].n).toBeLessThan(1_100);
  });

  it('knows who comes first and leaves last, and forgets who was on a host that is gone', async () => {
    const room = roomOf('there');
    const member = () => ({ subscription: randomUUID(), principal: ada });
    const [first, second] = [member(), member()];
    expect([await store.join(room, first), await store.join(room, second)]).toEqual([true, false]);
    await store.join(room, { subscription: randomUUID(), principal: null });
    expect(await store.presence(room)).toMatchObject({
      total: 1,
      anonymous: 1,
      members: [{ connections: 2 }],
    });
    expect([await store.leave(room, first), await store.leave(room, second)]).toEqual([false, true]);
    await store.join(room, member());
    expect(await store.sweep({ all: false })).toEqual([]);
    await test.pool.query('UPDATE mag.channel_members SET host_id = $1 WHERE principal IS NOT NULL', [
      randomUUID(),
    ]);
    expect(await store.sweep({ all: false })).toEqual([{ room, principal: ada }]);
    expect(await store.presence(room)).toMatchObject({ total: 0, anonymous: 1 });
    await store.sweep({ all: true });
    expect(await store.presence(room)).toMatchObject({ anonymous: 0 });
  });
});
