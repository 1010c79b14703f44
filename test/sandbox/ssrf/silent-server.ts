import { attack } from '../harness.ts';

export default attack({
  name: 'a server that never answers',
  limits: { wallMs: 1_500 },
  lair: () => () => undefined,
  handler: 'async (request, ctx) => ({ body: (await ctx.http.fetch(OUTSIDE.lair)).status })',
  expect: { code: 'E_LIMIT_WALL' },
});
