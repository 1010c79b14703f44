import { attack } from '../harness.ts';

export default attack({
  name: 'a statement that computes until it is cancelled',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    await ctx.db.query(
      'select sum((select count(*) from generate_series(1, 100000) b where b > a)) from generate_series(1, 1000000) a',
    );
  }`,
  expect: { code: 'E_DB_TIMEOUT' },
});
