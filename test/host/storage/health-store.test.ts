import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createHealthStore } from '../../../host/storage/health-store.ts';
import type { HealthSample, KeptAlert } from '../../../kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

const sample = (at: Date): HealthSample => ({
  extension: 'acme/hello',
  at,
  healthy: false,
  detail: { detail: 'sick' },
  calls: 12,
  errors: 3,
  cpuMs: 40.5,
  cpuShare: 0.25,
  eventLoopShare: 0.125,
  heapBytes: 5_000_000_000,
  restarts: 1,
  refused: { E_LIMIT_EGRESS: 2 },
  used: { egressSentBytes: 9_000_000_000, egressReceivedBytes: 1 },
});
const alert = (at: Date, detail = 'sick'): KeptAlert => ({
  extension: 'acme/hello',
  at,
  version: '1.0.0',
  code: 'E_HEALTH',
  detail,
});

describe('the health store', () => {
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

  it('keeps samples as they were, newest first, for seven days', async () => {
    const store = createHealthStore(database);
    const [old, before, now] = [daysAgo(8), daysAgo(6), daysAgo(0)].map(sample);
    for (const one of [old, now, before]) if (one) await store.record(one);
    expect(await store.latest('acme/hello', 2)).toEqual([now, before]);
    await store.dropExpired();
    expect(await store.latest('acme/hello', 10)).toEqual([now, before]);
    expect(await store.latest('acme/other', 10)).toEqual([]);
  });

  it('keeps alerts for ninety days, whatever they say', async () => {
    const store = createHealthStore(database);
    const [old, before, now] = [alert(daysAgo(91)), alert(daysAgo(89)), alert(daysAgo(0), 'a \0 in it')];
    for (const one of [old, before, now]) await store.recordAlert(one);
    expect(await store.alerts('acme/hello', 1)).toEqual([{ ...now, detail: 'a \uFFFD in it' }]);
    await store.dropExpired();
    expect((await store.alerts('acme/hello', 10)).map(({ at }) => at)).toEqual([now.at, before.at]);
  });
});
