import type { Addition } from './addition.ts';

/** A job that is queued by a request, and every night. */
export function jobAddition(): Addition {
  return {
    capabilities: [
      { name: 'system.background_jobs', reason: 'Counts all greetings while nobody waits.' },
      { name: 'system.cron_schedule', reason: 'Does so every night.' },
    ],
    endpoints: [
      { method: 'POST', path: '/total', auth: 'user' },
      { method: 'GET', path: '/total', auth: 'user' },
    ],
    contributes: {
      jobs: [{ name: 'total', maxAttempts: 3, concurrency: 1 }],
      schedules: [{ name: 'nightly', cron: '30 3 * * *', job: 'total' }],
    },
    endpointSource: `
    // With a key there is one job at a time, however often it is asked for.
    'POST /total': async (_request, ctx) => {
      const { id } = await ctx.jobs.enqueue('total', null, { key: 'asked for' });
      return { status: 202, body: { job: id } };
    },

    'GET /total': async (_request, ctx) => ({
      status: 200,
      body: { total: await ctx.state.get<number>('total') },
    }),
`,
    memberSource: `
  jobs: {
    // Run at least once, and again after an error: what it writes is the same each time.
    total: async (_job, ctx) => {
      let total = 0;
      for (const { value } of await ctx.state.list({ prefix: 'greetings/', limit: 1000 })) {
        total += Number(value);
      }
      await ctx.state.set('total', total);
    },
  },
`,
    unitTest: `
it('counts all greetings in a job', async () => {
  const ctx = createRecordingContext();
  await ctx.state.set('greetings/Ada', 2);
  await ctx.state.set('greetings/Grace', 3);
  await extension.jobs.total(createJob('total'), ctx);
  expect(await ctx.state.get('total')).toBe(5);
});
`,
    sandboxTest: `
it('runs the job that a request queued', async () => {
  await host.call('GET /greet/Grace');
  expect((await host.call('POST /total')).status).toBe(202);
  await expect
    .poll(async () => (await host.call('GET /total')).body.total, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(1);
});
`,
    readme:
      '`POST /total` queues a job that counts all greetings, `GET /total` shows the last count; every night it is queued too.',
  };
}
