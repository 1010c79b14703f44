import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { joinHosts } from '../../../host/storage/host-store.ts';
import { createJobEngine, type JobEngine, migrateJobEngine } from '../../../host/storage/job-engine.ts';
import { ENGINE_SCHEMA, TASK } from '../../../host/storage/job-queue.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { silentLogger } from '../../support/silent-logger.ts';

let test: TestDatabase;
let database: Database;
let engine: JobEngine;
const done: string[] = [];
/** When each was done, in milliseconds since 1970. */
const doneAt = new Map<string, number>();
const left: string[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  const hostId = randomUUID();
  await using plain = await openDatabase(test.url);
  await joinHosts(plain, { id: hostId, node: 'node', address: 'here', version: '1.0.0' });
  database = await openDatabase(test.url, { hostId });
  await migrateJobEngine(database);
  engine = createJobEngine(database, silentLogger);
  await engine.start(
    async (id) => {
      done.push(id);
      doneAt.set(id, Date.now());
    },
    async () => left,
  );
});
afterAll(async () => {
  await engine.stop();
  await database.close();
  await test.drop();
});

const offer = (ids: readonly string[], inMs: number) =>
  Promise.all(
    ids.map((id) =>
      database.query<{ dueAt: Date }>(
        `SELECT (${ENGINE_SCHEMA}.add_job($1, $2::json, run_at => now() + $3::int * interval '1 ms', flags => $4)).run_at
         AS "dueAt"`,
        [TASK, JSON.stringify({ id }), inMs, ['acme/a:x']],
      ),
    ),
  );
const ends = (ids: readonly string[], withinMs: number) =>
  until(
    async () => ids.every((id) => done.includes(id)),
    (all) => all,
    withinMs,
  );

it('does at once what is due at once', async () => {
  await offer(['now'], 0);
  await ends(['now'], 20_000);
});

it('finds what comes due later, all of it, long before a worker would look by itself', async () => {
  const ids = Array.from({ length: 20 }, (_, n) => `later ${n}`);
  const offered = (await offer(ids, 1_500)).flat();
  await ends(ids, 15_000);
  for (const [n, { dueAt }] of offered.entries())
    expect(doneAt.get(`later ${n}`)).toBeGreaterThanOrEqual(dueAt.getTime());
});

it('finds what it had to leave, when it may be done', async () => {
  left.push('acme/a:x');
  let id = '';
  // A worker that was looking already has asked before: each of the eight may take one.
  for (let n = 0; id === '' || done.includes(id); n += 1) {
    expect(n).toBeLessThanOrEqual(8);
    id = `left ${n}`;
    await offer([id], 0);
    await sleep(2_500);
  }
  left.pop();
  await ends([id], 15_000);
});

it('asks little while there is nothing to do', async () => {
  await sleep(1_500); // what was done is put away
  const query = vi.spyOn(pg.Client.prototype, 'query');
  await sleep(5_000);
  const asked = query.mock.calls.length;
  query.mockRestore();
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(15);
});
