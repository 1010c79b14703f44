import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createLogStore } from '../../../host/storage/log-store.ts';
import type { LogLine } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const line = (extension: string, message: string): LogLine => ({
  at: new Date('2026-11-20T10:23:45.123Z'),
  extension: `acme/${extension}`,
  level: 'info',
  message,
  fields: { n: 1 },
  traceId: 'trace',
});

describe('LogStore', () => {
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

  it('writes by itself, in order, exactly', async () => {
    const store = createLogStore(database, silentLogger);
    store.write(line('a', 'one'));
    store.write(line('b', 'other'));
    store.write(line('a', 'two'));
    await expect.poll(() => store.read('acme/a', { limit: 10 }), { timeout: 20_000 }).toHaveLength(2);
    const [one, two] = await store.read('acme/a', { limit: 10 });
    expect(one).toEqual({ ...line('a', 'one'), id: expect.any(Number) });
    expect(two?.message).toBe('two');
    expect(await store.read('acme/a', { after: one?.id ?? 0, limit: 10 })).toEqual([two]);
    expect(await store.read('acme/a', { limit: 1 })).toEqual([two]);
    await store.close();
  });

  it('writes what waits when it is closed', async () => {
    const store = createLogStore(database, silentLogger);
    store.write(line('close', 'last words'));
    await store.close();
    expect(await store.read('acme/close', { limit: 10 })).toHaveLength(1);
  });

  it('writes what comes in the moment in which it has written all', async () => {
    for (let turns = 0; turns < 30; turns += 1) {
      const written: unknown[] = [];
      const query = async (_: unknown, values: unknown[][] = []) => {
        written.push(...(values[3] ?? []));
        return [];
      };
      const store = createLogStore({ query } as unknown as Database, silentLogger);
      store.write(line('moment', 'first'));
      const flushed = store.flush();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      store.write(line('moment', 'second'));
      await store.flush();
      expect([turns, ...written]).toEqual([turns, 'first', 'second']);
      await flushed;
    }
  });

  it('stores hostile text, and one line it cannot store takes no other with it', async () => {
    const store = createLogStore(database, silentLogger);
    await test.pool.query("ALTER TABLE mag.logs ADD CONSTRAINT poison CHECK (message <> 'poison')");
    const circular: LogLine['fields'] = {};
    Object.assign(circular, { circular });
    store.write(line('hostile', 'nul \0 and \ud800'));
    store.write(line('hostile', 'poison'));
    store.write({ ...line('hostile', 'circular'), fields: circular });
    store.write({ ...line('hostile', 'nul field'), fields: { nul: '\0' } });
    store.write(line('hostile', 'last'));
    await store.flush();
    const messages = (await store.read('acme/hostile', { limit: 10 })).map((stored) => stored.message);
    expect(messages.slice(-3)).toEqual(['nul \uFFFD and \uFFFD', 'nul field', 'last']);
    expect(messages).not.toContain('poison');
    await store.close();
  });

  it('keeps the newest lines of each extension', async () => {
    const store = createLogStore(database, silentLogger, { keepLines: 50 });
    store.write(line('quiet', 'stays'));
    for (let i = 0; i < 2_500; i += 1) store.write(line('chatty', `${i}`));
    await store.close();
    const kept = await store.read('acme/chatty', { limit: 10_000 });
    expect(kept.at(-1)?.message).toBe('2499');
    expect(kept.length).toBeLessThan(50 + 1_500);
    expect(await store.read('acme/quiet', { limit: 10 })).toHaveLength(1);
  });

  it('drops what it cannot hold and says how much', async () => {
    const store = createLogStore(database, silentLogger);
    for (let i = 0; i < 12_345; i += 1) store.write(line('flood', `${i}`));
    await store.close();
    const warned = (await store.read('acme/flood', { limit: 20_000 })).filter(
      (stored) => stored.level === 'warn',
    );
    const dropped = warned.reduce((sum, stored) => sum + Number(stored.fields.dropped), 0);
    expect(dropped).toBe(2_345);
  });

  it('does not throw while the database is away', async () => {
    const broken = await openDatabase(test.url);
    await broken.close();
    const store = createLogStore(broken, silentLogger);
    store.write(line('away', 'lost'));
    await store.close();
    expect(await createLogStore(database, silentLogger).read('acme/away', { limit: 10 })).toEqual([]);
  });
});
