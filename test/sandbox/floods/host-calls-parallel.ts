import { attack } from '../harness.ts';

export default attack({
  name: 'ten thousand host calls at once',
  limits: { hostCallsPerSecond: 10_000 },
  handler: `async (request, ctx) => {
    const codes = await Promise.all(
      Array.from({ length: 10_000 }, () =>
        ctx.state.get('k').then(
          () => 'answered',
          (error) => error.code,
        ),
      ),
    );
    return { body: [...new Set(codes)].sort() };
  }`,
  expect: { body: ['E_LIMIT_RATE', 'answered'] },
});
