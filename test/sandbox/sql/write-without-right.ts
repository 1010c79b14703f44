import { attack } from '../harness.ts';

export default attack({
  name: 'a write hidden in a query by who may only read',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    await ctx.db.query('with gone as (delete from public.sentinel returning *) select 1 from gone');
  }`,
  expect: { code: 'E_CAP_UNDECLARED' },
});
