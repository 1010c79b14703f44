import { attack } from '../harness.ts';

export default attack({
  name: 'a table outside of the granted scope',
  capabilities: [{ name: 'database.read', reason: 'Reads.', scope: { tables: ['public.users'] } }],
  handler: 'async (request, ctx) => { await ctx.db.query("select secret from public.sentinel"); }',
  expect: { code: 'E_CAP_SCOPE' },
});
