import { attack } from '../harness.ts';

export default attack({
  name: 'parameters of a host call of many megabytes',
  handler: 'async (request, ctx) => { await ctx.state.get("x".repeat(10_000_000)); }',
  expect: { code: 'E_LIMIT_OUTPUT' },
});
