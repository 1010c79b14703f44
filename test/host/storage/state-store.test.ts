import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createStateStore } from '../../../host/storage/state-store.ts';
import type { StateSpace, StateStore } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('StateStore', () => {
  let test: TestDatabase;
  let database: Database;
  let store: StateStore;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
    store = createStateStore(database);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });
  const space = (extension: string, tenantId = 't1'): StateSpace => ({
    extension: `acme/${extension}`,
    tenantId,
  });

  it('counts versions from 1 and keeps values exactly', async () => {
    const value = { z: 1, a: ['\u0000', null, 1e-7, '𝕊'], __proto__x: true };
    expect(await store.get(space('basic'), 'k')).toBeNull();
    expect(await store.set(space('basic'), 'k', 1)).toEqual({ version: 1 });
    expect(await store.set(space('basic'), 'k', value)).toEqual({ version: 2 });
    expect(await store.get(space('basic'), 'k')).toEqual({ key: 'k', value, version: 2 });
    await store.set(space('basic'), 'null', null);
    expect(await store.get(space('basic'), 'null')).toEqual({ key: 'null', value: null, version: 1 });
  });

  it('separates tenants and extensions', async () => {
    await store.set(space('apart', 't1'), 'k', 'one');
    expect(await store.get(space('apart', 't2'), 'k')).toBeNull();
    expect(await store.get(space('other', 't1'), 'k')).toBeNull();
    expect(await store.delete(space('apart', 't2'), 'k')).toBe(false);
    expect(await store.delete(space('apart', 't1'), 'k')).toBe(true);
    expect(await store.delete(space('apart', 't1'), 'k')).toBe(false);
  });

  it('lists by code point, below a prefix, page by page', async () => {
    for (const key of ['b%1', 'b_1', 'B', 'b𝕊', 'bé', 'b', 'c']) await store.set(space('list'), key, key);
    const keys = async (options: { prefix: string; after: string; limit: number }) =>
      (await store.list(space('list'), options)).map((entry) => entry.key);
    expect(await keys({ prefix: '', after: '', limit: 100 })).toEqual([
      'B',
      'b',
      'b%1',
      'b_1',
      'bé',
      'b𝕊',
      'c',
    ]);
    expect(await keys({ prefix: 'b', after: '', limit: 3 })).toEqual(['b', 'b%1', 'b_1']);
    expect(await keys({ prefix: 'b', after: 'b_1', limit: 3 })).toEqual(['bé', 'b𝕊']);
    expect(await keys({ prefix: 'b%', after: '', limit: 3 })).toEqual(['b%1']);
  });

  it('refuses a list that is larger than one answer, and serves it in pages', async () => {
    const value = 'x'.repeat(200_000);
    for (const key of ['1', '2', '3', '4', '5', '6']) await store.set(space('large'), key, value);
    const options = { prefix: '', after: '' };
    await expect(store.list(space('large'), { ...options, limit: 6 })).rejects.toMatchObject({
      code: 'E_LIMIT_OUTPUT',
    });
    expect(await store.list(space('large'), { ...options, limit: 4 })).toHaveLength(4);
  });

  it.each(['', 'x'.repeat(513), 'a\0b', '\ud800'])('refuses the key %j', async (key) => {
    await expect(store.set(space('keys'), key, 1)).rejects.toMatchObject({ code: 'E_PARAMS' });
    await expect(store.get(space('keys'), key)).rejects.toMatchObject({ code: 'E_PARAMS' });
  });

  it('takes the longest key in the widest characters', async () => {
    const key = '\uFFFD'.repeat(512);
    await store.set(space('keys'), key, 1);
    expect(await store.get(space('keys'), key)).toMatchObject({ key });
  });

  it('lets one of many swaps win', async () => {
    const swap = (version: number) =>
      Promise.all(Array.from({ length: 20 }, (_, i) => store.compareAndSet(space('cas'), 'k', i, version)));
    const created = await swap(0);
    expect(created.filter((result) => result.swapped)).toHaveLength(1);
    expect(created.every((result) => result.version === 1)).toBe(true);
    const changed = await swap(1);
    expect(changed.filter((result) => result.swapped)).toHaveLength(1);
    expect(await store.compareAndSet(space('cas'), 'k', 'x', 7)).toEqual({ swapped: false, version: 2 });
    expect(await store.compareAndSet(space('cas'), 'gone', 'x', 1)).toEqual({ swapped: false, version: 0 });
  });

  it('gives every writer its own version', async () => {
    const writes = await Promise.all(Array.from({ length: 20 }, (_, i) => store.set(space('race'), 'k', i)));
    const versions = writes.map((write) => write.version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  describe('quota', () => {
    it('refuses a value over 256 KiB', async () => {
      const most = 'x'.repeat(256 * 1_024 - 2);
      await store.set(space('value'), 'k', most);
      await expect(store.set(space('value'), 'k', `${most}x`)).rejects.toMatchObject({
        code: 'E_STATE_QUOTA',
      });
    });

    it('counts keys over all tenants and gives them back', async () => {
      const small = createStateStore(database, { maxKeys: 2, maxBytes: 1_000 });
      await small.set(space('count', 't1'), 'a', 1);
      await small.set(space('count', 't2'), 'b', 1);
      await expect(small.set(space('count', 't1'), 'c', 1)).rejects.toMatchObject({ code: 'E_STATE_QUOTA' });
      await small.set(space('count', 't1'), 'a', 2);
      await small.delete(space('count', 't2'), 'b');
      await small.set(space('count', 't1'), 'c', 1);
    });

    it('counts bytes, races included, and lets an extension shrink', async () => {
      const small = createStateStore(database, { maxKeys: 100, maxBytes: 105 });
      const value = 'x'.repeat(17);
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => small.set(space('bytes'), `${i}`, value)),
      );
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(5);
      const kept = results.findIndex((result) => result.status === 'fulfilled');
      const tight = createStateStore(database, { maxKeys: 100, maxBytes: 10 });
      await tight.set(space('bytes'), `${kept}`, 'x');
      await expect(tight.set(space('bytes'), `${kept}`, 'xx')).rejects.toMatchObject({
        code: 'E_STATE_QUOTA',
      });
    });

    it('starts from nothing after clear', async () => {
      await store.clear('acme/count');
      const small = createStateStore(database, { maxKeys: 1, maxBytes: 1_000 });
      expect(await small.set(space('count'), 'a', 1)).toEqual({ version: 1 });
    });
  });
});
