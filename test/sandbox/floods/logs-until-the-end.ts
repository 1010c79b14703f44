import { attack } from '../harness.ts';

// What it said stands in front of its end on the way to the host, and must not take the reason with it.
export default attack({
  name: 'log lines as long as they may be, until the time is over',
  limits: { cpuMs: 1_500 },
  handler: `async (request, ctx) => {
    const long = 'x'.repeat(5_000_000);
    for (;;) {
      console.log(long, long);
      ctx.log.warn(long, { long });
    }
  }`,
  expect: { code: 'E_LIMIT_CPU' },
});
