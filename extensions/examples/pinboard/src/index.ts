import { type Context, defineExtension, type EndpointRequest } from '#sdk';

const MAX_CHARS = 500;

export default defineExtension({
  endpoints: {
    'GET /pins': async (_request, ctx) => ({ body: { pins: await pins(ctx) } }),
    'POST /pins': pin,
  },
});

async function pin({ body }: EndpointRequest, ctx: Context) {
  const text = typeof body === 'object' && body !== null && 'text' in body ? body.text : null;
  if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_CHARS)
    return { status: 400, body: { error: `a note is text of at most ${MAX_CHARS} characters` } };
  const by = ctx.request?.principal?.name ?? 'somebody';
  await ctx.state.set(`pin ${Date.now()} ${crypto.randomUUID()}`, { text, by });
  return { status: 201, body: { pins: await pins(ctx) } };
}

/** State is per tenant: whoever asks sees the board of their own. */
async function pins(ctx: Context) {
  return (await ctx.state.list({ prefix: 'pin ' })).map(({ value }) => value);
}
