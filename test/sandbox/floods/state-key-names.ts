import { attack } from '../harness.ts';

export default attack({
  name: 'keys that are no keys',
  handler: `async (request, ctx) => {
    const codes = [];
    for (const key of ['', 'k'.repeat(513), 1, null, ['k'], { toString: () => 'k' }, 'a\\u0000b', '\\ud800']) {
      codes.push(
        await ctx.state.set(key, 1).then(
          () => 'taken',
          (error) => error.code,
        ),
      );
    }
    return { body: [...new Set(codes)].sort() };
  }`,
  expect: { body: ['E_PARAMS'] },
});
