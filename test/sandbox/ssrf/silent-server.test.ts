import { attack } from '../harness.ts';

attack({
  family: 'ssrf',
  name: 'a server that never answers',
  limits: { wallMs: 1_000 },
  lair: () => () => undefined,
  handler: 'async (request, ctx) => ({ body: (await ctx.http.fetch(OUTSIDE.lair)).status })',
  expect: { code: 'E_LIMIT_WALL' },
});
