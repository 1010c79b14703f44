import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquireHostLock } from '../../../host/storage/host-lock.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('acquireHostLock', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test.drop());

  const breakHolder = () =>
    test.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'magflock host lock' AND datname = current_database()",
    );

  const holder = async (): Promise<number | undefined> => {
    const { rows } = await test.pool.query(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    return rows[0]?.pid;
  };

  it('lets one host in, and the next after it left', async () => {
    const lock = await acquireHostLock(test.url);
    await expect(acquireHostLock(test.url)).rejects.toMatchObject({ code: 'E_CONFIG' });
    await lock[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
    await using next = await acquireHostLock(test.url);
    expect(next).toBeDefined();
  });

  it('waits a moment for a host that is just leaving', async () => {
    const lock = await acquireHostLock(test.url);
    const next = acquireHostLock(test.url);
    await lock[Symbol.asyncDispose]();
    await (await next)[Symbol.asyncDispose]();
  });

  it('takes the lock again when its connection breaks', async () => {
    await using _lock = await acquireHostLock(test.url);
    const broken = await holder();
    await breakHolder();
    await expect.poll(holder, { timeout: 30_000 }).toSatisfy((pid) => pid !== undefined && pid !== broken);
    await expect(acquireHostLock(test.url)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('refuses a database that does not answer', async () => {
    await expect(acquireHostLock('postgresql://mag@127.0.0.1:1/mag')).rejects.toMatchObject({
      code: 'E_CONFIG',
    });
  });
});
