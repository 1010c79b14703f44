import { type Context, defineExtension, type EndpointRequest, type Job } from '#sdk';

export default defineExtension({
  endpoints: {
    'POST /notes': async ({ body }: EndpointRequest, ctx) => {
      if (typeof body !== 'string' || body.trim() === '')
        return { status: 400, body: { error: 'a note is text' } };
      await ctx.state.set(`note ${Date.now()} ${crypto.randomUUID()}`, body);
      return { status: 201 };
    },
    // With a key there is one at a time, however often it is asked for.
    'POST /digests': async (_request, ctx) => {
      const { id } = await ctx.jobs.enqueue('digest', null, { key: 'asked for' });
      return { status: 202, body: { job: id } };
    },
    'GET /digests/:job': show,
  },
  jobs: { digest },
});

/** Runs at least once: what it has put together it takes away last, and puts under the id of the job. */
async function digest(job: Job, ctx: Context): Promise<void> {
  const notes = await ctx.state.list({ prefix: 'note ' });
  const lines = notes.map(({ value }) => `- ${String(value)}`);
  await ctx.state.set(`digest ${job.id}`, lines.join('\n'));
  for (const { key } of notes) await ctx.state.delete(key);
  ctx.log.info('digest made', { notes: notes.length, schedule: job.schedule });
}

async function show({ params }: EndpointRequest, ctx: Context) {
  const id = params.job ?? '';
  const made = await ctx.state.get<string>(`digest ${id}`);
  if (made !== null) return { body: made };
  const status = await ctx.jobs.status(id);
  return status === null ? { status: 404 } : { status: 202, body: { ...status } };
}
