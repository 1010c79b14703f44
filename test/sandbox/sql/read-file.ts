import { attack } from '../harness.ts';

export default attack({
  name: 'pg_read_file in every spelling',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
  const codes = [];
  for (const sql of ["select pg_read_file('/etc/passwd')", "select \\"pg_read_file\\"('/etc/passwd')", "select PG_CATALOG.PG_READ_FILE('/etc/passwd')", "select U&\\"pg\\\\005Fread_file\\"('/etc/passwd')", "select ('/etc/passwd'::text).pg_read_file", "select * from pg_read_file('/etc/passwd')", "select * from rows from (pg_read_binary_file('/etc/passwd'))", "select x.pg_read_file from lower('/etc/passwd') x", "select pg_read_file/**/('/etc/passwd')", "select lo_import('/etc/passwd')", "select pg_ls_dir('.')", "select 1 limit length(pg_read_file('/etc/passwd'))"]) codes.push(await ctx.db.query(sql).then((found) => found.rows, (error) => error.code));
  return { body: [...new Set(codes)] };
}`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
