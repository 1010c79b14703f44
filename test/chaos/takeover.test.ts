import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/host.ts';
import { serving } from '../support/sources.ts';
import { ChaosHost } from './world/chaos-host.ts';

const ID = 'acme/slow';
/** Takes so long to install that the host is gone before it is through. */
const SLOW = {
  manifest: {
    ...serving('slow', ['GET /ok'], { limits: { wallMs: 60_000 } }),
    migrations: 'migrations',
  },
  files: {
    'migrations/0001_a.up.sql': 'create table a (id int);',
    'migrations/0001_a.down.sql': 'drop table a;',
  },
  code: `export default {
    install: () => new Promise((resolve) => setTimeout(resolve, 50_000)),
    endpoints: { 'GET /ok': async () => ({ body: 'fine' }) },
  };`,
};

/** Its jobs run on whichever host takes them; a run that is not cut goes on for longer than the test. */
const WORKER = {
  manifest: {
    ...serving('worker', ['POST /queue'], {
      capabilities: [{ name: 'system.background_jobs', reason: 'Works.' }],
      contributes: { jobs: [{ name: 'long', timeoutMs: 300_000, concurrency: 16 }] },
    }),
  },
  code: `export default {
    jobs: { long: (job) => job.attempt > 1 ? null : new Promise((resolve) => setTimeout(resolve, 200_000)) },
    endpoints: { 'POST /queue': async (_request, ctx) => ({ body: await ctx.jobs.enqueue('long') }) },
  };`,
};
/** More than one host runs of one extension. */
const JOBS = 6;

describe('two hosts, one of which is gone in the middle of an install', () => {
  let database: TestDatabase;
  let author: Author;
  let hosts: ChaosHost[];

  beforeAll(async () => {
    author = await Author.create('acme');
  });
  afterAll(() => author[Symbol.asyncDispose]());

  const open = async (): Promise<[ChaosHost, ChaosHost]> => {
    database = await createTestDatabase();
    const env = { DATABASE_URL: database.url };
    const first = await ChaosHost.start(env);
    hosts = [first];
    await first.trust(author);
    const second = await ChaosHost.start(env, { trusting: first });
    hosts.push(second);
    await first.stage(await author.publish(SLOW));
    return [first, second];
  };
  const close = async () => {
    for (const host of hosts) await host[Symbol.asyncDispose]();
    await database.drop();
  };
  const beginInstall = async (host: ChaosHost): Promise<string> => {
    const operation = await host.begin(ID, 'install', { version: '1.0.0', approve: 'all' });
    const steps = async () => (await host.ask('GET', `/v1/operations/${operation}`)).body.steps;
    await until(steps, (all) => all.some(({ name }: { name: string }) => name.startsWith('install()')));
    return operation;
  };
  /** Whose operation it is now, and how it ended; told with the time that took. */
  const expectTakenOver = async (by: ChaosHost, operation: string, sinceMs: number) => {
    const seen = async () => (await by.ask('GET', `/v1/operations/${operation}?wait=20`)).body;
    const ended = await untilWithin(seen, ({ state }) => state !== 'running', 60_000);
    process.stdout.write(
      `chaos: taken over after ${Math.round((performance.now() - sinceMs) / 100) / 10} s\n`,
    );
    expect(ended).toMatchObject({ state: 'rolled_back', error: { code: 'E_OPERATION_INTERRUPTED' } });
    expect((await by.show(ID)).state).toBe('staged');
    await expectNothingLeft();
  };
  const jobs = async (where: string): Promise<{ attempts: number }[]> =>
    (await database.pool.query(`SELECT attempts FROM mag.jobs WHERE ${where}`)).rows;
  const expectNothingLeft = async () => {
    const { rows } = await database.pool.query(
      `SELECT (SELECT count(*)::int FROM mag.extension_roles WHERE extension_id = 'acme/slow') AS roles,
         (SELECT count(*)::int FROM pg_namespace WHERE nspname = 'ext_acme_slow') AS schemas,
         (SELECT count(*)::int FROM mag.grants WHERE extension = 'acme/slow') AS grants,
         (SELECT count(*)::int FROM mag.extension_migrations) AS migrations,
         (SELECT count(*)::int FROM mag.operation_locks) AS locks`,
    );
    expect(rows).toEqual([{ roles: 0, schemas: 0, grants: 0, migrations: 0, locks: 0 }]);
  };

  it('the other takes over from one that was killed', async () => {
    const [first, second] = await open();
    try {
      await first.stage(await author.publish(WORKER));
      await first.operate('acme/worker', 'install', { version: '1.0.0', approve: 'all' });
      await first.operate('acme/worker', 'enable');
      for (let i = 0; i < JOBS; i++) await first.ask('POST', '/x/acme/worker/queue');
      const running = async () => (await jobs("state = 'running'")).length;
      await until(running, (count) => count === JOBS);
      const operation = await beginInstall(first);
      const killedAt = performance.now();
      await first.process.kill('SIGKILL');
      await expectTakenOver(second, operation, killedAt);
      const again = await untilWithin(
        () => jobs("state = 'succeeded'"),
        (done) => done.length > 1,
        60_000,
      );
      expect(again.map(({ attempts }) => attempts)).toEqual(again.map(() => 2));
      const { body } = await second.ask('GET', '/v1/hosts');
      expect(body.hosts.map(({ state }: { state: string }) => state).sort()).toEqual(['gone', 'serving']);
      await first.boot(); // on what it left: as a new host
      await until(
        async () => (await second.ask('GET', '/v1/hosts')).body.hosts,
        (all) => all.filter(({ state }: { state: string }) => state === 'serving').length === 2,
      );
    } finally {
      await close();
    }
  }, 180_000);

  it('the other takes over from one that was paused, which can change nothing when it wakes up', async () => {
    const [first, second] = await open();
    try {
      const operation = await beginInstall(first);
      const pausedAt = performance.now();
      first.process.child.kill('SIGSTOP');
      await expectTakenOver(second, operation, pausedAt);
      first.process.child.kill('SIGCONT');
      const ended = await first.process.ended;
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/^error E_FENCED: /m);
      await expectNothingLeft();
      expect((await second.show(ID)).state).toBe('staged');
      // It is the other's to do now, and it can.
      const again = await second.begin(ID, 'install', { version: '1.0.0', approve: 'all' });
      expect((await second.ask('POST', `/v1/operations/${again}/cancel`)).status).toBe(202);
    } finally {
      await close();
    }
  }, 180_000);
});

async function untilWithin<Value>(
  ask: () => Promise<Value>,
  satisfied: (value: Value) => boolean,
  ms: number,
): Promise<Value> {
  for (const deadline = performance.now() + ms; ; ) {
    const value = await ask();
    if (satisfied(value)) return value;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${JSON.stringify(value)}`);
  }
}
