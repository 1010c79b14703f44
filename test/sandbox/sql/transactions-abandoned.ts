import { until } from '../../support/host.ts';
import { attack } from '../harness.ts';

// Each call answers at once and leaves its transaction behind, with statements under way: none is left over.
export default attack({
  name: 'transactions that are left behind',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  endpoints: ['GET /leave'],
  handlers: `'GET /leave': async (request, ctx) => {
    await new Promise((resolve) => void ctx.db.transaction(async (tx) => {
      resolve();
      for (;;) await tx.query('select count(*) from generate_series(1, 100000)');
    }));
    return { body: 'left' };
  },`,
  handler: `async (request, ctx) => ({ body: await ctx.db.transaction(async (tx) => tx.queryOne('select 1 as one')) })`,
  call: async ({ visit, host }) => {
    for (let i = 0; i < 12; i++) await visit('leave');
    const answer = await visit('attack');
    const connections = async () => {
      const { rows } = await host.database.pool.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename LIKE 'ext_mallory%'",
      );
      return rows[0].n;
    };
    const left = await until(connections, (n) => n <= 4); // those that were cut take a moment to be gone
    return { ...answer, body: [answer.body, left <= 4] };
  },
  expect: { body: [{ one: 1 }, true] },
});
