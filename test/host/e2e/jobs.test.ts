import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packExtension } from '../../../host/packaging/index.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const right = (name: string) => ({ name, reason: 'Works in the background.' });
const BOTH = [right('system.background_jobs'), right('system.cron_schedule')];
const GRANT = 'grants/system.background_jobs';

describe('jobs of extensions', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start({ MAG_JOB_BACKOFF_MS: '50' }), Author.create('acme')]);
    await host.trust(author);
    await host.run(
      await author.publish({
        manifest: serving(
          'worker',
          [
            'POST /queue',
            'GET /status/:id',
            'POST /cancel/:id',
            'POST /schedule',
            'GET /seen',
            'POST /let-go',
          ],
          {
            capabilities: BOTH,
            contributes: {
              jobs: [
                { name: 'note' },
                { name: 'shaky', maxAttempts: 3 },
                { name: 'slow', concurrency: 2, timeoutMs: 60_000 },
              ],
            },
          },
        ),
        code: `const seen = []; let atOnce = 0; let most = 0; let letGo; const held = new Promise((resolve) => { letGo = resolve; });
        export default {
          jobs: {
            note: async (job, ctx) => { seen.push({ ...job, tenant: ctx.request?.tenantId ?? null, trace: ctx.request?.traceId ?? null }); },
            shaky: async (job) => { seen.push(job); if (job.attempt < job.payload.good) throw new Error('not yet'); },
            slow: async (job) => {
              most = Math.max(most, ++atOnce);
              if (job.payload?.held) await held;
              else await new Promise((resolve) => setTimeout(resolve, job.payload?.ms ?? 600));
              atOnce -= 1; seen.push({ slow: job.payload?.n ?? job.id, most });
            },
          },
          endpoints: {
            'POST /queue': async ({ body }, ctx) => ({ body: await ctx.jobs.enqueue(body.job, body.payload, body.options) }),
            'GET /status/:id': async ({ params }, ctx) => ({ body: { status: await ctx.jobs.status(params.id) } }),
            'POST /cancel/:id': async ({ params }, ctx) => ({ body: { cancelled: await ctx.jobs.cancel(params.id) } }),
            'POST /schedule': async ({ body }, ctx) => ({ body: await ctx.jobs.schedule(body.name, body) }),
            'GET /seen': () => ({ body: seen }),
            'POST /let-go': () => { letGo(); return { status: 204 }; },
          },
        };`,
      }),
    );
    await host.run(
      await author.publish({
        manifest: serving('stranger', ['GET /status/:id'], {
          capabilities: [BOTH[0]],
        }),
        code: `export default { endpoints: { 'GET /status/:id': async ({ params }, ctx) => ({ body: {
          status: await ctx.jobs.status(params.id), cancelled: await ctx.jobs.cancel(params.id) } }) } };`,
      }),
    );
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const queue = async (job: string, payload: unknown = null, options: object = {}) =>
    (await host.ask('POST', '/x/acme/worker/queue', { body: { job, payload, options } })).body;
  const status = async (id: string) => (await host.ask('GET', `/x/acme/worker/status/${id}`)).body.status;
  // biome-ignore lint/suspicious/noExplicitAny: what the handlers noted
  const seen = async (): Promise<any[]> => (await host.ask('GET', '/x/acme/worker/seen')).body;
  const ended = (id: string) =>
    until(
      () => status(id),
      ({ endedAt }) => endedAt !== null,
    );

  it('run in the background, for the request they were queued in', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { body } = await host.ask('POST', '/x/acme/worker/queue', {
      body: { job: 'note', payload: { n: 1 } },
      headers: { traceparent },
    });
    expect(await ended(body.id)).toMatchObject({ job: 'note', state: 'succeeded', attempts: 1 });
    expect((await seen()).find(({ id }) => id === body.id)).toEqual({
      id: body.id,
      name: 'note',
      payload: { n: 1 },
      attempt: 1,
      maxAttempts: 5,
      schedule: null,
      tenant: 't_system',
      trace: '0af7651916cd43dd8448eb211c80319c',
    });
  });

  it('are tried again until they succeed, or have failed as often as they may', async () => {
    const { id } = await queue('shaky', { good: 3 });
    expect(await ended(id)).toMatchObject({ state: 'succeeded', attempts: 3 });
    const failed = await queue('shaky', { good: 9 });
    expect(await ended(failed.id)).toMatchObject({ state: 'failed', attempts: 3, errorCode: 'E_EXTENSION' });
    const [event] = await until(
      async () => (await host.ask('GET', '/v1/events?type=job.failed')).body.events,
      ({ length }) => length > 0, // nobody waits until it is told
    );
    expect(event.data).toEqual({
      extension: 'acme/worker',
      job: 'shaky',
      id: failed.id,
      attempts: 3,
      code: 'E_EXTENSION',
    });
    const retried = await host.ask('POST', `/v1/extensions/acme/worker/jobs/${failed.id}/retry`);
    expect(retried.status).toBe(200);
    expect(
      await until(
        () => status(failed.id),
        ({ attempts, endedAt }) => attempts === 3 && endedAt !== null,
      ),
    ).toMatchObject({ state: 'failed' });
  });

  it('run as many at once as their manifest says', async () => {
    const ids = await Promise.all([1, 2, 3, 4, 5].map(async (n) => (await queue('slow', { n })).id));
    for (const id of ids) await ended(id);
    const most = (await seen()).filter(({ slow }) => slow !== undefined).map((entry) => entry.most);
    expect(Math.max(...most)).toBe(2);
  });

  it('are queued once by their key, later by their time, and not at all when cancelled', async () => {
    const later = { delayMs: 3_600_000, key: 'once' };
    const first = await queue('note', 'later', later);
    expect(await queue('note', 'again', later)).toEqual({ id: first.id, existing: true });
    expect(await status(first.id)).toMatchObject({ state: 'queued', attempts: 0 });
    const cancel = async () => (await host.ask('POST', `/x/acme/worker/cancel/${first.id}`)).body.cancelled;
    expect([await cancel(), await cancel()]).toEqual([true, false]);
    expect(await status(first.id)).toMatchObject({ state: 'cancelled' });
    expect((await queue('note', 'anew', later)).existing).toBe(false);
  });

  it('of one key run one at a time, and one waits for what came since the running one began', async () => {
    const key = { key: 'in turn' };
    const first = await queue('slow', { n: 'first', held: true }, key);
    await until(
      () => status(first.id),
      ({ state }) => state === 'running',
    );
    const second = await queue('slow', { n: 'second' }, key);
    expect(second).toEqual({ id: expect.not.stringMatching(first.id), existing: false });
    expect(await queue('slow', { n: 'third' }, key)).toEqual({ id: second.id, existing: true });
    expect((await host.ask('POST', '/x/acme/worker/let-go')).status).toBe(204);
    await until(
      () => status(second.id),
      ({ state }) => state !== 'queued',
    );
    expect(await status(first.id)).toMatchObject({ state: 'succeeded' });
    expect(await ended(second.id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  it('refuse what the manifest does not name, and times that are none', async () => {
    expect((await queue('unknown')).code).toBe('E_NOT_FOUND');
    for (const body of [
      { name: 's', cron: 'every noon', job: 'note' },
      { name: 's', cron: '0 0 30 2 *', job: 'note' },
      { name: 's', cron: '* * * * *', timezone: 'Mars/Olympus', job: 'note' },
    ])
      expect((await host.ask('POST', '/x/acme/worker/schedule', { body })).body.code).toBe('E_PARAMS');
    const body = { name: 's', cron: '30 2 * * *', timezone: 'Europe/Berlin', job: 'note' };
    const { nextAt } = (await host.ask('POST', '/x/acme/worker/schedule', { body })).body;
    const inBerlin = {
      timeZone: 'Europe/Berlin',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    } as const;
    expect(new Date(nextAt).toLocaleTimeString('en', inBerlin)).toBe('02:30');
  });

  it('are of the extension that queued them, and no other', async () => {
    const { id } = await queue('note', null, { delayMs: 3_600_000 });
    expect((await host.ask('GET', `/x/acme/stranger/status/${id}`)).body).toEqual({
      status: null,
      cancelled: false,
    });
    expect((await host.ask('POST', `/v1/extensions/acme/stranger/jobs/${id}/cancel`)).status).toBe(404);
    expect((await host.ask('POST', `/v1/extensions/acme/worker/jobs/${id}/cancel`)).body).toMatchObject({
      id,
    });
    expect(await status(id)).toMatchObject({ state: 'cancelled' });
  });

  it('wait while the capability is revoked, are cut when they run, and lose no try by it', async () => {
    const running = await queue('slow', { ms: 30_000 });
    await until(
      () => status(running.id),
      ({ state }) => state === 'running',
    );
    const revokedMs = performance.now();
    await host.ask('DELETE', `/v1/extensions/acme/worker/${GRANT}`);
    const listed = async () => {
      const { body } = await host.ask('GET', '/v1/extensions/acme/worker/jobs');
      return body.jobs.find(({ id }: { id: string }) => id === running.id);
    };
    expect(await until(listed, ({ state }) => state === 'queued')).toMatchObject({
      attempts: 0,
      errorCode: 'E_CAP_REVOKED',
    });
    process.stdout.write(
      `revocation: a running job was cut after ${Math.round(performance.now() - revokedMs)} ms\n`,
    );
    await host.ask('PUT', `/v1/extensions/acme/worker/${GRANT}`, { body: {} });
    await until(
      () => status(running.id),
      ({ state }) => state === 'running',
    );
    expect(await status(running.id)).toMatchObject({ attempts: 1 });
  });

  it('are what the example digest is made of', async () => {
    await using example = await Author.create('example');
    await host.trust(example);
    const dir = join(host.dataDir, 'digest'); // packing writes into it
    await cp(join(ROOT_DIR, 'extensions/examples/digest'), dir, { recursive: true });
    const { file } = await packExtension(dir);
    const archive = await readFile(file);
    await host.run({ id: 'example/digest', version: '1.0.0', archive, bundle: await example.sign(archive) });
    const ask = (method: string, path: string, body?: unknown) =>
      host.ask(method, `/x/example/digest/${path}`, body === undefined ? {} : { body });
    expect((await ask('POST', 'notes', 'remember this')).status).toBe(201);
    const { job } = (await ask('POST', 'digests')).body;
    const shown = await until(
      () => ask('GET', `digests/${job}`),
      ({ status }) => status === 200,
    );
    expect(shown.body).toBe('- remember this');
    const { body } = await host.ask('GET', '/v1/extensions/example/digest/jobs');
    expect(body.jobs).toMatchObject([{ id: job, job: 'digest', state: 'succeeded', attempts: 1 }]);
    expect((await host.ask('GET', '/metrics')).body).toContain('# TYPE magflock_jobs gauge');
  });

  it('outlive a restart and go with the extension', async () => {
    await until(
      async () => (await seen()).length,
      (n) => n > 0,
    );
    const { id } = await queue('note', 'after', { delayMs: 500 });
    await host.shutdown();
    await host.boot();
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    await host.operate('acme/worker', 'disable');
    await host.operate('acme/worker', 'uninstall');
    const { rows } = await host.database.pool.query(
      `SELECT (SELECT count(*)::int FROM mag.jobs WHERE extension = 'acme/worker') AS jobs,
         (SELECT count(*)::int FROM mag.job_schedules WHERE extension = 'acme/worker') AS schedules`,
    );
    expect(rows).toEqual([{ jobs: 0, schedules: 0 }]);
  });
});

it('a schedule of a manifest queues each time once, on whichever host', async () => {
  await using host = await TestHost.start();
  await using author = await Author.create('acme');
  await host.trust(author);
  await host.run(
    await author.publish({
      manifest: serving('clock', ['GET /seen'], {
        capabilities: BOTH,
        contributes: {
          jobs: [{ name: 'tick' }],
          schedules: [{ name: 'often', cron: '* * * * *', job: 'tick', payload: { of: 'manifest' } }],
        },
      }),
      code: `export default {
        jobs: { tick: async (job, ctx) => { await ctx.state.set('tick ' + job.id, [job.schedule, job.payload]); } },
        endpoints: { 'GET /seen': async (_request, ctx) => ({ body: (await ctx.state.list()).map(({ value }) => value) }) },
      };`,
    }),
  );
  await using beside = await host.startBeside();
  const seen = async () => (await beside.ask('GET', '/x/acme/clock/seen')).body;
  // Its time comes now; that many others went by meanwhile makes no difference.
  const due = `UPDATE mag.job_schedules SET next_at = now() - interval '3 hours' RETURNING name`;
  expect((await host.database.pool.query(due)).rows).toEqual([{ name: 'often' }]);
  const first = await until(seen, (ticks) => ticks.length > 0);
  expect(first[0]).toEqual(['often', { of: 'manifest' }]);
  const next = async () =>
    (await host.database.pool.query('SELECT next_at > now() AS ahead FROM mag.job_schedules')).rows;
  await until(next, ([row]) => row.ahead === true); // the minute may turn meanwhile
  expect(await next()).toHaveLength(1);
  const jobs = await host.database.pool.query(
    "SELECT count(*)::int AS n FROM mag.jobs WHERE schedule = 'often'",
  );
  expect(jobs.rows[0].n).toBeLessThanOrEqual(2); // the minute may turn meanwhile
  await host.ask('DELETE', '/v1/extensions/acme/clock/grants/system.cron_schedule');
  await host.database.pool.query(due);
  // What was queued before, as the minute turned.
  const queued = "SELECT FROM mag.jobs WHERE schedule = 'often' AND state IN ('queued', 'running')";
  await until(
    async () => (await host.database.pool.query(queued)).rowCount,
    (left) => left === 0,
  );
  const count = (await seen()).length;
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect((await seen()).length).toBe(count);
});
