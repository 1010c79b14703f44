import { attack } from '../harness.ts';

export default attack({
  name: 'rows of another tenant, by every way a tenant could be named',
  capabilities: [
    { name: 'database.read', reason: 'Reads.' },
    { name: 'database.write', reason: 'Writes.' },
  ],
  manifest: { migrations: 'migrations' },
  files: {
    'migrations/0001_rows.up.sql': 'create table rows (tenant text, line text);',
    'migrations/0001_rows.down.sql': 'drop table rows;',
  },
  handler: `async (request, ctx) => {
    const codes = [];
    for (const sql of [
      "select set_config('mag.tenant', 't_other', true)",
      "select current_setting('mag.tenant_id')",
      "set mag.tenant = 't_other'",
      'alter table rows disable row level security',
      "select 1 where set_config('mag.tenant', 't_other', false) is not null",
    ]) {
      codes.push(
        await ctx.db.query(sql).then(
          (found) => found.rows,
          (error) => error.code,
        ),
      );
    }
    return { body: [...new Set(codes)] };
  }`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
