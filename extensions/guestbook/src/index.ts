import { type Context, defineExtension, type EndpointRequest, type EndpointResponse } from '#sdk';

const SIGNATURES = 'signatures';

export default defineExtension({
  endpoints: {
    'GET /entries': listEntries,
    'POST /entries': sign,
    'GET /signatures': async (_request, ctx) => ({ body: { signatures: await countOf(ctx) } }),
  },
  hooks: {
    'maggate.wrap_request': (request) => ({
      ...request,
      headers: { ...request.headers, 'x-guestbook': 'seen' },
    }),
  },
  events: {
    // Delivered in a transaction: what is noted as seen is counted. The note makes a replay harmless too.
    'magflock.guestbook.signed': async (event, ctx) => {
      const first = await ctx.state.compareAndSet(`seen:${event.event_id}`, true, 0);
      if (first.swapped) await increment(ctx);
    },
  },
  health: async (ctx) => {
    await ctx.db.query('SELECT 1 FROM entries LIMIT 1');
    return { healthy: true };
  },
});

async function listEntries(request: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  const { rows } = await ctx.db.query(
    'SELECT id, name, message, signed_at FROM entries ORDER BY signed_at DESC LIMIT 100',
  );
  return { headers: { 'x-stamp': request.headers['x-guestbook'] ?? 'none' }, body: { entries: rows as [] } };
}

async function sign(request: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  const entry = readEntry(request.body, Number(ctx.config.maxLength));
  if (entry === null)
    return { status: 400, body: { error: 'name and message are needed, as texts of a sane length' } };
  const row = await ctx.db.queryOne<{ id: string }>(
    'INSERT INTO entries (name, message) VALUES ($1, $2) RETURNING id',
    [entry.name, entry.message],
  );
  const id = row?.id ?? '';
  await ctx.events.publish('magflock.guestbook.signed', { id, name: entry.name });
  return { status: 201, body: { id } };
}

function readEntry(body: unknown, maxLength: number): { name: string; message: string } | null {
  if (body === null || typeof body !== 'object') return null;
  const { name, message } = body as { name?: unknown; message?: unknown };
  if (typeof name !== 'string' || typeof message !== 'string' || name === '') return null;
  return name.length <= 100 && message.length <= maxLength ? { name, message } : null;
}

async function countOf(ctx: Context): Promise<number> {
  return (await ctx.state.get<number>(SIGNATURES)) ?? 0;
}

async function increment(ctx: Context): Promise<void> {
  for (;;) {
    const { value, version } = await ctx.state.getVersioned<number>(SIGNATURES);
    if ((await ctx.state.compareAndSet(SIGNATURES, (value ?? 0) + 1, version)).swapped) return;
  }
}
