import { attack } from '../harness.ts';

export default attack({
  name: 'a request by who declared no right to any',
  handler: 'async (request, ctx) => { await ctx.http.fetch("http://127.0.0.1:" + OUTSIDE.port); }',
  expect: { code: 'E_CAP_UNDECLARED' },
});
