import {
  type Context,
  defineExtension,
  type EndpointRequest,
  type EndpointResponse,
  type FormBody,
} from '#sdk';
import { readPrices } from './prices.ts';

const PRICES = 'prices';
const PUSHES = 'pushes';
const MOST_TICKS = 600;

export default defineExtension({
  endpoints: {
    'GET /ticks': (request, ctx) => ({
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
      body: ticks(ctx, Math.min(Number(request.query.count ?? MOST_TICKS), MOST_TICKS)),
    }),
    'POST /prices': takePrices,
    'GET /prices': async (_request, ctx) => ({ body: { prices: (await ctx.state.get(PRICES)) ?? {} } }),
    'POST /github': countPush,
    'GET /pushes': async (_request, ctx) => ({ body: { pushes: (await ctx.state.get(PUSHES)) ?? 0 } }),
  },
});

/** One server-sent event a tick. A client that reads slowly gets fewer of them, not later ones. */
async function* ticks(ctx: Context, count: number): AsyncGenerator<string> {
  const everyMs = Number(ctx.config.everyMs);
  for (let tick = 1; tick <= count; tick++) {
    const prices = (await ctx.state.get(PRICES)) ?? {};
    yield `id: ${tick}\nevent: tick\ndata: ${JSON.stringify(prices)}\n\n`;
    if (tick < count) await pause(everyMs, ctx);
  }
}

/** Ends early when nobody listens any more. */
function pause(ms: number, { signal }: Context): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

/** Lines of `name,price`, in a file of a form or as the bytes of the body. */
async function takePrices(request: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  const bytes = request.rawBody ?? (request.body as FormBody | null)?.files?.[0]?.content;
  const prices = bytes === undefined ? null : readPrices(atob(bytes));
  if (prices === null) return { status: 400, body: { error: 'send a file of lines like "tea,3.50"' } };
  await ctx.state.set(PRICES, prices);
  return { status: 201, body: { prices: Object.keys(prices).length } };
}

/** Whoever gets here has signed: the host has verified it with a secret that is never in here. */
async function countPush(request: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  if (request.headers['x-github-event'] !== 'push') return { status: 202 };
  for (;;) {
    const { value, version } = await ctx.state.getVersioned<number>(PUSHES);
    const swapped = await ctx.state.compareAndSet(PUSHES, (value ?? 0) + 1, version);
    if (swapped.swapped) return { status: 202 };
  }
}
