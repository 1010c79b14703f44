import { attack } from '../harness.ts';

export default attack({
  name: 'a file larger than a file may be',
  capabilities: [
    { name: 'filesystem.read', reason: 'Files.' },
    { name: 'filesystem.write', reason: 'Files.' },
  ],
  handler: `async (request, ctx) => { await ctx.files.write('x', 'x'.repeat(720_000)); }`,
  expect: { code: 'E_LIMIT_OUTPUT' },
});
