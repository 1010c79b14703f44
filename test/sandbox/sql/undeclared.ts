import { attack } from '../harness.ts';

export default attack({
  name: 'a statement by who declared no right to any',
  handler: 'async (request, ctx) => { await ctx.db.query("select secret from public.sentinel"); }',
  expect: { code: 'E_CAP_UNDECLARED' },
});
