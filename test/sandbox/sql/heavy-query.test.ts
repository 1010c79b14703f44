import { attack } from '../harness.ts';

attack({
  family: 'sql',
  name: 'a statement that computes until it is cancelled',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    await ctx.db.query(
      'select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 1000) c',
    );
  }`,
  expect: { code: 'E_DB_TIMEOUT' },
});
