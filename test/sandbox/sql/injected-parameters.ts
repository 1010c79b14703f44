import { attack } from '../harness.ts';

export default attack({
  name: 'parameters that are not what they seem',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: `async (request, ctx) => {
    const seen = [];
    for (const params of [
      ["x'; drop table public.sentinel; --"],
      [{ toPostgres: 'evil', text: 'select 2' }],
      [['a', { b: "'" }]],
      [{ __proto__: null, name: 'x' }],
    ]) {
      seen.push(
        await ctx.db.query('select length($1::text) > 0 as ok', params).then(
          ({ rows }) => rows[0].ok,
          (error) => error.code,
        ),
      );
    }
    return { body: seen };
  }`,
  expect: { body: [true, true, true, true] },
});
