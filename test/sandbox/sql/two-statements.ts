import { attack } from '../harness.ts';

export default attack({
  name: 'a second statement behind the first',
  capabilities: [
    { name: 'database.read', reason: 'Reads.' },
    { name: 'database.write', reason: 'Writes.' },
  ],
  handler: `async (request, ctx) => {
    const codes = [];
    for (const sql of [
      'select 1; drop table public.sentinel',
      'select 1;;select 2',
      'select 1 /* ; */ ; commit',
      'begin; select 1',
      'select 1\\n;\\nset role postgres',
      'select $$a$$ ; delete from public.sentinel',
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
