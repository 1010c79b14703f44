import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewJob } from '../../../adapters/jobs/index.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { joinHosts } from '../../../host/storage/host-store.ts';
import { migrateJobEngine } from '../../../host/storage/job-engine.ts';
import { createJobStore, type JobStore } from '../../../host/storage/job-store.ts';
import { createScheduleStore } from '../../../host/storage/schedule-store.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const JOB: NewJob = {
  extension: 'acme/hello',
  tenantId: 't_system',
  job: 'work',
  payload: { n: 1 },
  context: null,
  runAt: null,
  maxAttempts: 2,
  priority: 0,
  key: null,
  schedule: null,
};

describe('the store of jobs', () => {
  let test: TestDatabase;
  let database: Database;
  let store: JobStore;

  beforeAll(async () => {
    test = await createTestDatabase();
    const plain = await openDatabase(test.url);
    const hostId = randomUUID();
    await joinHosts(plain, { id: hostId, node: 'node', address: 'here', version: '1.0.0' });
    await plain.close();
    database = await openDatabase(test.url, { hostId });
    await migrateJobEngine(database);
    store = createJobStore(database);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const owner = { extension: JOB.extension, tenantId: JOB.tenantId };
  const offered = async () =>
    (await test.pool.query('SELECT key, run_at > now() AS later FROM mag_jobs.jobs WHERE key IS NOT NULL'))
      .rows;

  it('offers a job to the engine in the transaction that keeps it', async () => {
    const { id } = await store.enqueue(JOB);
    expect(await offered()).toEqual([{ key: id, later: false }]);
    expect(await store.cancel(owner, id)).toBe(true);
    expect(await offered()).toEqual([]);
  });

  it('hands a job to one taker, and to no more at once than may run', async () => {
    const [first, second] = [await store.enqueue(JOB), await store.enqueue(JOB)];
    const taken = await Promise.all([0, 1, 2].map(() => store.take(first.id, () => 1)));
    expect(taken.filter((job) => job !== null && job !== 'full')).toMatchObject([
      { id: first.id, attempt: 1 },
    ]);
    expect(await store.take(second.id, () => 1)).toBe('full');
    await store.end(first.id, 'succeeded', null);
    expect(await store.take(second.id, () => 1)).toMatchObject({ id: second.id });
    await store.requeue(second.id, new Date(), 'E_CAP_REVOKED', { spared: true });
    expect(await store.status(owner, second.id)).toMatchObject({ state: 'queued', attempts: 0 });
    await store.cancel(owner, second.id);
  });

  it('has the jobs of a host that is gone run again, until they were run often enough', async () => {
    const { id } = await store.enqueue(JOB);
    for (const state of ['queued', 'failed']) {
      await store.take(id, () => 9);
      await test.pool.query('UPDATE mag.jobs SET host_id = gen_random_uuid() WHERE id = $1', [id]);
      expect(await store.recover([id])).toBe(1);
      expect(await store.status(owner, id)).toMatchObject({ state, errorCode: 'E_OPERATION_INTERRUPTED' });
    }
    expect(await store.again(JOB.extension, id)).toBe(true);
    expect(await store.status(owner, id)).toMatchObject({ state: 'queued', attempts: 0, endedAt: null });
    await store.cancel(owner, id);
  });

  it('pages, and forgets what ended long ago', async () => {
    await store.enqueue(JOB);
    const [newest] = await store.list(JOB.extension, { limit: 1 });
    const older = await store.list(JOB.extension, { limit: 100, before: newest?.position ?? 0 });
    expect(older.map(({ id }) => id)).not.toContain(newest?.id);
    await test.pool.query(`UPDATE mag.jobs SET ended_at = now() - interval '2 days' WHERE state <> 'queued'`);
    await store.dropExpired();
    const left = await store.list(JOB.extension, { limit: 100 });
    expect(left.map(({ state }) => state)).toEqual(['queued']);
  });

  it('takes no more schedules and jobs than an extension may have', async () => {
    const schedules = createScheduleStore(database);
    const schedule = { ...owner, job: 'work', cron: '0 0 * * *', timezone: 'UTC', payload: null };
    await test.pool.query(
      `INSERT INTO mag.job_schedules (extension, tenant_id, name, job, cron, timezone, payload, declared, next_at)
       SELECT 'acme/hello', 't_system', 's' || n, 'work', '0 0 * * *', 'UTC', 'null', false, now() + interval '1 day'
       FROM generate_series(1, 200) AS n`,
    );
    const put = (name: string) =>
      schedules.put({ ...schedule, name, nextAt: new Date() }).then(() => 'put', codeOf);
    expect([await put('s1'), await put('s201')]).toEqual(['put', 'E_JOB_QUOTA']);
    await test.pool.query(
      `INSERT INTO mag.jobs (id, extension, name, tenant_id, payload, max_attempts, run_at)
       SELECT gen_random_uuid(), 'acme/hello', 'work', 't_system', 'null', 1, now() FROM generate_series(1, 10000)`,
    );
    expect(await store.enqueue(JOB).catch(codeOf)).toBe('E_JOB_QUOTA');
    expect((await store.enqueue({ ...JOB, extension: 'acme/other' })).existing).toBe(false);
  });
});
