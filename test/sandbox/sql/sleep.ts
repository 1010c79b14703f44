import { attack } from '../harness.ts';

export default attack({
  name: 'sleeping in every spelling',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
  const codes = [];
  for (const sql of ["select pg_sleep(60)", "select \\"pg_sleep\\"(60)", "select pg_sleep_for('60 s')", "select pg_sleep_until(now())", "select (60.0).pg_sleep", "select 1 order by pg_sleep(60)", "select * from generate_series(1, 60) g where g.pg_sleep is null", "select pg_advisory_lock(1)"]) codes.push(await ctx.db.query(sql).then((found) => found.rows, (error) => error.code));
  return { body: [...new Set(codes)] };
}`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
