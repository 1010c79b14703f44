import { attack } from '../harness.ts';

// The account has 512 MiB of them; a slower machine meets the deadline first.
export default attack({
  name: 'a statement that fills the disk with temporary files',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    await ctx.db.query(
      'select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 1000) c',
    );
  }`,
  expect: { code: ['E_DB', 'E_DB_TIMEOUT'] },
});
