import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStoresAdapter, type StoreRecord, storeUrlProblem } from '../../../adapters/stores/index.ts';
import { createBuiltInStore } from '../../../host/storage/built-in-store.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createStoreRecords } from '../../../host/storage/store-records.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { callerOf, describeAdapterContract } from '../adapter-contract.ts';

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

const createAdapter = () =>
  createStoresAdapter({
    builtIn: createBuiltInStore(database),
    directory: createStoreRecords(database),
    password: async () => null,
    logger: silentLogger,
  });

describeAdapterContract({
  component: 'stores',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_STORE_UNKNOWN', detail: '' },
  },
  create: async () => {
    const adapter = createAdapter();
    return { adapter, dispose: async () => adapter[Symbol.asyncDispose]() };
  },
});

describe('the stores', () => {
  it('are found by what the records say now', async () => {
    const records = createStoreRecords(database);
    const adapter = createAdapter();
    const nowhere: StoreRecord = {
      name: 'gone',
      kind: 'redis',
      url: 'redis://127.0.0.1:1/0',
      username: null,
      passwordSecret: null,
      prefix: 'mag',
    };
    const get = () =>
      adapter
        .executeHook('get', { caller: callerOf('acme/x'), params: { store: 'gone', key: 'k' } })
        .catch(({ code }) => code);
    expect(await get()).toBe('E_STORE_UNKNOWN');
    await records.add(nowhere, 'token:1');
    await expect(records.add(nowhere, 'token:1')).rejects.toMatchObject({ code: 'E_EXISTS' });
    expect(await get()).toBe('E_STORE_UNAVAILABLE');
    expect(await records.remove('gone')).toBe(true);
    await expect.poll(get).toBe('E_STORE_UNKNOWN');
    await adapter[Symbol.asyncDispose]();
  });

  it('are asked of the gate by their names', () => {
    expect(createAdapter().demands('append', { store: 'fast', stream: 's', value: 1 }, 'acme/x')).toEqual([
      { capability: 'system.stores', resource: { names: 'fast' } },
    ]);
  });
});

describe('the address of a store', () => {
  it.each([
    'redis://cache:6379/0',
    'rediss://cache.internal',
    'redis://[::1]:6379/',
    'redis://127.0.0.1:1/15',
  ])('may be %s', (url) => expect(storeUrlProblem(url)).toBeNull());

  it.each([
    'redis://a@cache',
    'redis://:p@cache',
    'redis:///0',
    'redis://cache/x',
    'redis://cache/0?password=p',
    'unix:/run/redis.sock',
    'cache:6379',
    '',
  ])('may not be %s', (url) => expect(storeUrlProblem(url)).toMatch(/^(is|has|names) /));
});
