import { attack } from '../harness.ts';

export default attack({
  name: 'log lines of many megabytes',
  handler: `async (request, ctx) => {
    const long = 'x'.repeat(5_000_000);
    for (let i = 0; i < 20; i++) {
      console.log(long, long);
      ctx.log.warn(long, { long });
    }
    return { body: 'said' };
  }`,
  expect: { body: 'said' },
});
