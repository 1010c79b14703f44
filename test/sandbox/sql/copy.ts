import { attack } from '../harness.ts';

export default attack({
  name: 'COPY to and from programs and files',
  capabilities: [
    { name: 'database.read', reason: 'Reads.' },
    { name: 'database.write', reason: 'Writes.' },
  ],
  handler: `async (request, ctx) => {
    const codes = [];
    for (const sql of [
      "copy (select 1) to program 'sh -c id'",
      "copy notes from program 'cat /etc/passwd'",
      "copy notes to '/tmp/out'",
      'copy notes from stdin',
      "COPY(select 1)TO'/tmp/out'",
      '/**/copy notes to stdout',
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
