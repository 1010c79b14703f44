import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createOperationStore } from '../../../host/storage/operation-store.ts';
import type { OperationStore } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('OperationStore', () => {
  let test: TestDatabase;
  let database: Database;
  let store: OperationStore;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
    store = createOperationStore(database);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });
  const begin = (id: string, extension: `${string}/${string}`) =>
    store.begin({ id, kind: 'install', extension, principal: 'token:1', input: { version: '1.0.0' } }, [
      extension,
    ]);

  it('journals each step before and after', async () => {
    await begin('a1', 'acme/a');
    await store.step('a1', 'verify', 'running');
    await store.step('a1', 'verify', 'done', 'signed by key-1\0', 'migrate');
    const running = await store.get('a1');
    expect(running).toMatchObject({
      state: 'running',
      input: { version: '1.0.0' },
      error: null,
      endedAt: null,
    });
    expect(running?.steps).toEqual([
      {
        name: 'verify',
        state: 'done',
        startedAt: expect.any(Date),
        endedAt: expect.any(Date),
        detail: 'signed by key-1\uFFFD',
      },
      { name: 'migrate', state: 'running', startedAt: expect.any(Date), endedAt: null, detail: null },
    ]);
    await store.step('a1', 'verify', 'undone');
    expect((await store.get('a1'))?.steps[0]).toMatchObject({
      state: 'undone',
      detail: 'signed by key-1\uFFFD',
    });
  });

  it('lets one operation of an extension run at a time', async () => {
    await expect(begin('a2', 'acme/a')).rejects.toMatchObject({ code: 'E_STATE' });
    await begin('b1', 'acme/b');
    const race = await Promise.allSettled(['c1', 'c2', 'c3'].map((id) => begin(id, 'acme/c')));
    expect(race.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('shows what a crash left, oldest first, until it ends', async () => {
    const own = ['a1', 'b1', 'c1', 'c2', 'c3'];
    expect(await store.adopt(own)).toEqual([]); // in good hands
    const dropped = await store.adopt(own.slice(1));
    expect(dropped.map(({ id }) => id)).toEqual(['a1']); // nobody does it any more
    await using next = await openDatabase(test.url);
    const successor = createOperationStore(next);
    const left = (await successor.adopt([])).map((operation) => operation.extension);
    expect(left).toEqual(['acme/a', 'acme/b', 'acme/c']);
    expect(await successor.adopt(own)).toEqual([]);
    expect((await store.holder('acme/b'))?.id).toBe('b1');
    await store.end('a1', 'failed', { code: 'E_MIGRATION', detail: 'no' });
    expect(await store.get('a1')).toMatchObject({
      state: 'failed',
      error: { code: 'E_MIGRATION', detail: 'no' },
      endedAt: expect.any(Date),
    });
    expect(await store.holder('acme/a')).toBeNull();
    await expect(store.end('a1', 'succeeded')).rejects.toMatchObject({ code: 'E_STATE' });
  });

  it('lists the newest first', async () => {
    await begin('a3', 'acme/a');
    expect((await store.list('acme/a', 10)).map((operation) => operation.id)).toEqual(['a3', 'a1']);
    expect(await store.list('acme/a', 1)).toHaveLength(1);
    expect(await store.get('nothing')).toBeNull();
  });
});
