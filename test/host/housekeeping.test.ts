import { afterAll, beforeAll, expect, it } from 'vitest';
import { sweepOnce } from '../../host/housekeeping.ts';
import { type Database, openDatabase } from '../../host/storage/database.ts';
import { createStores, type PostgresStores } from '../../host/storage/stores.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/silent-logger.ts';

const ID = 'acme/hello';
const DAY_MS = 24 * 3_600_000;

let testDatabase: TestDatabase;
let database: Database;
let stores: PostgresStores;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = await openDatabase(testDatabase.url);
  stores = createStores(database, silentLogger);
});
afterAll(async () => {
  await stores.close();
  await database.close();
  await testDatabase.drop();
});

it('keeps a replaced version for a day, then removes it with its package', async () => {
  for (const version of ['1.0.0', '1.1.0']) {
    const entry = {
      digest: `sha256:${version}`,
      id: ID,
      version,
      publisher: 'acme',
      tier: 'verified',
      signedBy: 'k',
      sizeBytes: 1,
    } as const;
    await stores.packages.put(entry, { archive: new Uint8Array([1]), bundle: '{}', attestations: '' });
  }
  const record = {
    id: ID,
    state: 'enabled',
    version: '1.1.0',
    digest: 'sha256:1.1.0',
    highestVersion: '1.1.0',
    config: {},
    reason: null,
  } as const;
  await stores.extensions.put(record);
  await stores.extensions.keep({ id: ID, version: '1.0.0', digest: 'sha256:1.0.0' });

  await sweepOnce(stores, new Date(Date.now() + DAY_MS - 60_000));
  expect(await stores.extensions.kept(ID)).toMatchObject([{ version: '1.0.0' }]);
  await sweepOnce(stores, new Date(Date.now() + DAY_MS + 60_000));
  expect(await stores.extensions.kept(ID)).toEqual([]);
  expect((await stores.packages.list(ID)).map(({ version }) => version)).toEqual(['1.1.0']);
});

it('never removes the package that is installed', async () => {
  await stores.extensions.keep({ id: ID, version: '1.1.0', digest: 'sha256:1.1.0' });
  await sweepOnce(stores, new Date(Date.now() + 2 * DAY_MS));
  expect(await stores.packages.find(ID, '1.1.0')).not.toBeNull();
});
