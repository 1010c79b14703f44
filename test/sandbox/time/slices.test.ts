import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'work cut into slices, each within its budget',
  handler: `async (request, ctx) => {
    for (;;) {
      const end = Date.now() + 30;
      while (Date.now() < end);
      await ctx.state.get('k');
    }
  }`,
  expect: { code: 'E_LIMIT_CPU' },
});
