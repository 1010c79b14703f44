import { attack } from '../harness.ts';

export default attack({
  name: 'a value larger than durable state takes',
  handler: 'async (request, ctx) => { await ctx.state.set("k", "x".repeat(300_000)); }',
  expect: { code: 'E_STATE_QUOTA' },
});
