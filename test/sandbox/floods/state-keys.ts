import { attack } from '../harness.ts';

export default attack({
  name: 'durable state filled until its quota',
  limits: { hostCallsPerSecond: 100_000, wallMs: 60_000, cpuMs: 20_000 },
  handler: `async (request, ctx) => {
    const value = 'x'.repeat(250_000);
    for (let i = 0; ; i++)
      await Promise.all(Array.from({ length: 8 }, (_, n) => ctx.state.set('k' + i + '-' + n, value)));
  }`,
  expect: { code: 'E_STATE_QUOTA' },
});
