import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createExtensionStore } from '../../../host/storage/extension-store.ts';
import { createGrantStore } from '../../../host/storage/grant-store.ts';
import { createPackageStore } from '../../../host/storage/package-store.ts';
import type { ExtensionStore, GrantStore, PackageStore } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';

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

describe('PackageStore', () => {
  let store: PackageStore;
  beforeAll(() => {
    store = createPackageStore(database);
  });
  const NOTHING = { archive: new Uint8Array([1]), bundle: '', attestations: '' };
  const entry = (version: string, digest: string) => ({
    digest,
    id: 'acme/hello' as const,
    version,
    publisher: 'acme',
    tier: 'community',
    signedBy: 'key-1',
    sizeBytes: 4,
  });

  it('returns the bytes it was given, once for each digest, with the signature and the attestations that came last', async () => {
    const archive = new Uint8Array([0, 255, 10, 0]);
    await store.put(entry('1.0.0', 'sha256:aa'), { archive, bundle: '{"bundle":1}', attestations: '' });
    const again = { archive: new Uint8Array([9]), bundle: 'other', attestations: '{"review":1}\n' };
    await store.put(entry('1.0.0', 'sha256:aa'), again);
    const read = await store.read('sha256:aa');
    expect(new Uint8Array(read?.archive ?? [])).toEqual(archive);
    expect(read).toMatchObject({ bundle: 'other', attestations: '{"review":1}\n' });
    const found = await store.find('acme/hello', '1.0.0');
    expect(found).toEqual({ ...entry('1.0.0', 'sha256:aa'), stagedAt: expect.any(Date) });
  });

  it('refuses the same version with another digest', async () => {
    await expect(store.put(entry('1.0.0', 'sha256:bb'), NOTHING)).rejects.toMatchObject({
      code: 'E_PKG_EQUIVOCATION',
    });
    expect(await store.read('sha256:bb')).toBeNull();
  });

  it('lists the newest first and forgets what was removed', async () => {
    await store.put(entry('1.1.0', 'sha256:cc'), NOTHING);
    await store.put({ ...entry('1.0.0', 'sha256:dd'), id: 'acme/other' }, NOTHING);
    const versions = (await store.list('acme/hello')).map((found) => found.version);
    expect(versions).toEqual(['1.1.0', '1.0.0']);
    expect(await store.list()).toHaveLength(3);
    await store.remove('sha256:cc');
    expect(await store.find('acme/hello', '1.1.0')).toBeNull();
    expect(await store.read('sha256:cc')).toBeNull();
  });
});

describe('ExtensionStore', () => {
  let store: ExtensionStore;
  beforeAll(() => {
    store = createExtensionStore(database);
  });
  const record = {
    id: 'acme/hello',
    state: 'installed',
    version: '1.0.0',
    digest: 'sha256:aa',
    highestVersion: '1.0.0',
    config: { greeting: 'Olá\u0000', nested: { list: [1, null, 'x'] } },
    reason: null,
  } as const;

  it('inserts, then replaces', async () => {
    expect(await store.get('acme/hello')).toBeNull();
    await store.put({ ...record, config: { ...record.config, nested: { list: [1, null, 'x'] } } });
    expect(await store.get('acme/hello')).toEqual({ ...record, updatedAt: expect.any(Date) });
    const reason = { code: 'E_LIMIT_CPU', detail: 'too much' };
    await store.put({ ...record, config: {}, state: 'quarantined', reason });
    expect(await store.list()).toEqual([
      { ...record, config: {}, state: 'quarantined', reason, updatedAt: expect.any(Date) },
    ]);
  });
});

describe('GrantStore', () => {
  let store: GrantStore;
  beforeAll(() => {
    store = createGrantStore(database);
  });
  const grant = {
    extension: 'acme/hello',
    capability: 'database.read',
    scope: { tables: ['public.orders'] },
    grantedBy: 'token:1',
  } as const;

  it('keeps scope and counters, and starts counting anew when granted again', async () => {
    await store.put(grant);
    const at = new Date('2026-11-20T10:00:00.123Z');
    const earlier = new Date('2026-11-20T09:00:00.000Z');
    await store.addUses([
      { extension: 'acme/hello', capability: 'database.read', count: 3, at },
      { extension: 'acme/hello', capability: 'database.read', count: 4, at: earlier },
      { extension: 'acme/gone', capability: 'database.read', count: 4, at },
    ]);
    expect(await store.list('acme/hello')).toEqual([
      { ...grant, grantedAt: expect.any(Date), uses: 7, lastUsedAt: at },
    ]);
    await store.put({ ...grant, scope: null });
    expect(await store.list()).toMatchObject([{ scope: null, uses: 0, lastUsedAt: null }]);
  });

  it('adds to what is installed only, also when that ends at the same moment', async () => {
    const states: string[] = [];
    const { pool } = test;
    const set = (state: string) =>
      `INSERT INTO mag.extensions (id, state, version, digest, config) VALUES ('acme/short', '${state}', '1.0.0', 'x', '{}')
       ON CONFLICT (id) DO UPDATE SET state = excluded.state`;
    const short = { ...grant, extension: 'acme/short' } as const;
    for (const state of ['none', 'staged', 'installed', 'quarantined', 'uninstalled']) {
      if (state !== 'none') await pool.query(set(state));
      if (await store.add(short)) states.push(state);
    }
    expect(states).toEqual(['installed', 'quarantined']);
    await pool.query(set('disabled'));
    await store.remove('acme/short', 'database.read');
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(set('uninstalled'));
      const adding = store.add(short);
      await until(
        async () =>
          (
            await pool.query(
              "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%mag.grants%'",
            )
          ).rowCount,
        (count) => count === 1,
      );
      await client.query('COMMIT');
      expect([await adding, await store.list('acme/short')]).toEqual([false, []]);
    } finally {
      client.release();
    }
  });

  it('says whether there was something to remove', async () => {
    expect(await store.remove('acme/hello', 'database.read')).toBe(true);
    expect(await store.remove('acme/hello', 'database.read')).toBe(false);
    expect(await store.list('acme/hello')).toEqual([]);
  });

  it('counts from many places at once', async () => {
    await store.put(grant);
    await store.put({ ...grant, capability: 'database.write' });
    const uses = (['database.read', 'database.write'] as const).map((capability) => ({
      extension: grant.extension,
      capability,
      count: 1,
      at: new Date(),
    }));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.addUses(i % 2 === 0 ? uses : uses.toReversed())),
    );
    expect((await store.list(grant.extension)).map((held) => held.uses)).toEqual([20, 20]);
  });
});
