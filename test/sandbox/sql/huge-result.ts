import { attack } from '../harness.ts';

// A slow machine may take longer for it than a statement may.
export default attack({
  name: 'a result of many megabytes',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    await ctx.db.query("select repeat('x', 100000) from generate_series(1, 100000)");
  }`,
  expect: { code: ['E_LIMIT_OUTPUT', 'E_DB_TIMEOUT'] },
});
