import { attack } from '../harness.ts';

export default attack({
  name: 'an undeclared call whose refusal is caught',
  handler: `async (request, ctx) => {
    try {
      await ctx.db.query('select 1');
    } catch {}
    return { body: 'went on' };
  }`,
  expect: { code: 'E_CAP_UNDECLARED' },
});
