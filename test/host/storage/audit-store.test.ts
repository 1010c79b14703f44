import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuditStore } from '../../../host/storage/audit-store.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import type { AuditRecord } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const behind = (last: AuditRecord | null, changes: Partial<AuditRecord> = {}): AuditRecord => ({
  at: new Date('2026-11-20T10:23:45.123Z'),
  principal: 'token:1',
  tenant: 't_acme',
  action: 'extension.install',
  target: 'acme/hello',
  outcome: 'ok',
  detail: {},
  previousHash: last?.hash ?? '',
  sequence: (last?.sequence ?? 0) + 1,
  hash: `hash ${(last?.sequence ?? 0) + 1}`,
  ...changes,
});

describe('AuditStore', () => {
  let test: TestDatabase;
  let one: Database;
  let two: Database;
  beforeAll(async () => {
    test = await createTestDatabase();
    one = await openDatabase(test.url);
    two = await openDatabase(test.url);
  });
  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await test.drop();
  });

  it('reads back equal to what was written, to the last byte', async () => {
    const detail = {
      z: 1.5e300,
      a: ['\u0000', '\ud800', '𝕊'],
      'key order': { b: 1, a: 2 },
      big: 9007199254740991,
    };
    const record = behind(null, { detail, target: 'hostile\0target' });
    await createAuditStore(one).append(() => [record]);
    const [read] = await createAuditStore(one).read({ after: 0, limit: 10 });
    expect(read).toEqual(record);
    expect(JSON.stringify(read)).toBe(JSON.stringify(record));
  });

  it('chains across hosts, one writer at a time', async () => {
    const stores = [createAuditStore(one), createAuditStore(two)];
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        stores[i % 2]?.append((last) => {
          const first = behind(last, { action: 'capability.denied' });
          return [first, behind(first)];
        }),
      ),
    );
    const records = await createAuditStore(two).read({ after: 1, limit: 1_000 });
    expect(records.map((record) => record.sequence)).toEqual(Array.from({ length: 80 }, (_, i) => i + 2));
    for (const record of records) expect(record.previousHash).toBe(`hash ${record.sequence - 1}`);
  });

  it('writes nothing when the chain throws', async () => {
    const store = createAuditStore(one);
    const failure = new Error('no');
    await expect(
      store.append(() => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await store.read({ after: 81, limit: 1 })).toEqual([]);
  });

  it('filters the newest first', async () => {
    const store = createAuditStore(one);
    const denied = await store.latest({ limit: 2, action: 'capability.denied' });
    expect(denied.map((record) => record.sequence)).toEqual([80, 78]);
    const older = await store.latest({ limit: 1, before: 78, target: 'acme/hello' });
    expect(older.map((record) => record.sequence)).toEqual([77]);
  });

  it.each(['UPDATE mag.audit SET target = target', 'DELETE FROM mag.audit', 'TRUNCATE mag.audit'])(
    'refuses %s even to the owner of the table',
    async (sql) => {
      await expect(test.pool.query(sql)).rejects.toMatchObject({ code: '42501' });
      expect(await createAuditStore(one).read({ after: 0, limit: 1_000 })).toHaveLength(81);
    },
  );
});
