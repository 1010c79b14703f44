import { attack } from '../harness.ts';

export default attack({
  name: 'the schema of another extension',
  capabilities: [
    { name: 'database.read', reason: 'Reads.' },
    { name: 'database.write', reason: 'Writes.' },
  ],
  handler: `async (request, ctx) => {
  const codes = [];
  for (const sql of ["select * from ext_acme_canary.song", "select ext_acme_canary.f()", "select null::ext_acme_canary.song", "table \\"ext_acme_canary\\".\\"song\\"", "with s as (table ext_acme_canary.song) select * from s", "insert into ext_acme_canary.song values (1, 'x')"]) codes.push(await ctx.db.query(sql).then((found) => found.rows, (error) => error.code));
  return { body: [...new Set(codes)] };
}`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
