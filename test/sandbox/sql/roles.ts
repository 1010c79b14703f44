import { attack } from '../harness.ts';

export default attack({
  name: 'roles made, changed and borrowed',
  capabilities: [
    { name: 'database.read', reason: 'Reads.' },
    { name: 'database.write', reason: 'Writes.' },
  ],
  handler: `async (request, ctx) => {
    const codes = [];
    for (const sql of [
      'create role evil superuser login',
      'alter role current_user superuser',
      'alter user postgres password null',
      'grant pg_read_server_files to current_user',
      'grant all on all tables in schema mag to public',
      'drop owned by current_user',
      'reassign owned by current_user to postgres',
      'set local role pg_execute_server_program',
      "do $$ begin execute 'create role evil superuser'; end $$",
      'create function f() returns int language sql security definer return 1',
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
