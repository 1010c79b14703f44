import { attack } from '../harness.ts';

export default attack({
  name: 'settings of the session, by statement and by function',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    const codes = [];
    for (const sql of [
      'set search_path = public',
      'set role postgres',
      'set session authorization postgres',
      'reset all',
      "select set_config('role', 'postgres', false)",
      "select set_config('mag.tenant', 't_other', false)",
      "select pg_catalog.set_config('search_path', 'mag', false)",
      "select current_setting('mag.tenant')",
      'show all',
      'discard all',
      'alter system set fsync = off',
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
