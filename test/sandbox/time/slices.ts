import { attack } from '../harness.ts';

export default attack({
  name: 'work cut into slices, each within its budget',
  limits: { cpuMs: 250 },
  handler: `async (request, ctx) => {
    for (;;) {
      const end = Date.now() + 30;
      while (Date.now() < end);
      await ctx.state.get('k');
    }
  }`,
  expect: { code: 'E_LIMIT_CPU' },
});
