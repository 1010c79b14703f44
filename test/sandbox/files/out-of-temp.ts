import { attack } from '../harness.ts';

export default attack({
  name: 'a file outside of temp by who may only use that',
  capabilities: [{ name: 'filesystem.temp_only', reason: 'Files.' }],
  handler: `async (request, ctx) => {
    await ctx.files.write('temp/../kept', 'x').catch(() => null);
    await ctx.files.write('kept', 'x');
  }`,
  expect: { code: 'E_CAP_UNDECLARED' },
});
