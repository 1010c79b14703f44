import { attack } from '../harness.ts';

export default attack({
  name: 'the tables of the host',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
  const codes = [];
  for (const sql of ["select * from mag.tokens", "select * from \\"mag\\".grants", "select * from U&\\"\\\\006dag\\".audit_log", "with t as (table mag.tokens) select * from t", "select null::mag.grants", "select to_regclass('mag.tokens')", "select 'mag.tokens'::regclass", "select * from lateral (select * from mag.extension_roles) x", "select table_to_xml('mag.tokens', true, true, '')"]) codes.push(await ctx.db.query(sql).then((found) => found.rows, (error) => error.code));
  return { body: [...new Set(codes)] };
}`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
