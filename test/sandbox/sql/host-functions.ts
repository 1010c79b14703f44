import { attack } from '../harness.ts';

export default attack({
  name: 'the functions the host itself uses on the connections of an extension',
  capabilities: [
    { name: 'database.read', reason: 'Reads.' },
    { name: 'database.write', reason: 'Writes.' },
  ],
  handler: `async (request, ctx) => {
    const codes = [];
    const statements = [
      "select mag_ext.publish('{}')",
      'select mag_ext.extension()',
      'select "mag_ext"."take_event"(\\'a\\', \\'b\\', 1)',
      "select * from mag_ext.get_state('t_system', 'a')",
      "select * from mag_ext.list_state('t_other', '', '', 10, 1000)",
      "select * from rows from (mag_ext.put_state('t_system', 'a', '1', null))",
      "select U&\\"\\\\006dag_ext\\".delete_state('t_system', 'a')",
      "select 1 order by mag_ext.delete_state('t_system', 'a')",
      "with x as (select mag_ext.extension()) select * from x",
      'table mag_ext.anything',
      'select * from mag.outbox',
      "insert into mag.outbox (extension, event) values ('acme/canary', '{}')",
      "select 'mag_ext.extension'::regproc",
    ];
    const note = (asked) => asked.then((found) => codes.push(found.rows), (error) => codes.push(error.code));
    for (const sql of statements) await note(ctx.db.query(sql));
    for (const sql of statements) await ctx.db.transaction((tx) => note(tx.query(sql)));
    return { body: [...new Set(codes)] };
  }`,
  expect: { body: ['E_SQL_FORBIDDEN'] },
});
