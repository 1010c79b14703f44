import { attack } from '../harness.ts';

export default attack({
  name: 'a file by who declared no right to any',
  capabilities: [],
  handler: `async (request, ctx) => { await ctx.files.write('x', 'y'); }`,
  expect: { code: 'E_CAP_UNDECLARED' },
});
