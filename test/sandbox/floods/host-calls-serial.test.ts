import { attack } from '../harness.ts';

attack({
  family: 'floods',
  name: 'host calls one after the other, faster than allowed',
  limits: { hostCallsPerSecond: 20 },
  handler: 'async (request, ctx) => { for (;;) await ctx.state.get("k"); }',
  expect: { code: 'E_LIMIT_RATE' },
});
