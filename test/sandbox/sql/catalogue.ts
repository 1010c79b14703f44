import { attack } from '../harness.ts';

export default attack({
  name: 'the catalogue of the server',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    const codes = [];
    for (const sql of [
      'select * from pg_authid',
      'select rolpassword from pg_catalog.pg_shadow',
      'select * from pg_stat_activity',
      'select * from pg_settings',
      'select * from information_schema.tables',
      'select prosrc from pg_proc',
      'select version()',
      'select current_user, session_user',
      'select inet_server_addr()',
      'select pg_get_viewdef(1)',
    ])
      codes.push(
        await ctx.db.query(sql).then(
          (found) => found.rows,
          (error) => error.code,
        ),
      );
    return { body: [...new Set(codes)] };
  }`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
