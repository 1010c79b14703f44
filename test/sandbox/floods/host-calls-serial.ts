import { attack } from '../harness.ts';

export default attack({
  name: 'host calls one after the other, faster than allowed',
  limits: { hostCallsPerSecond: 5 },
  handler: 'async (request, ctx) => { for (;;) await ctx.state.get("k"); }',
  expect: { code: 'E_LIMIT_RATE' },
});
