import { attack } from '../harness.ts';

attack({
  family: 'floods',
  name: 'parameters of a host call of many megabytes',
  handler: 'async (request, ctx) => { await ctx.state.get("x".repeat(10_000_000)); }',
  expect: { code: 'E_LIMIT_OUTPUT' },
});
