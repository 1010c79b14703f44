import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in the listener that hears of the deadline',
  limits: { cpuMs: 250, wallMs: 1_500 },
  handler: `async (request, ctx) => {
    ctx.signal.addEventListener('abort', () => {
      for (;;);
    });
    await new Promise(() => {});
  }`,
  expect: { code: 'E_LIMIT_WALL', died: 'E_LIMIT_CPU' },
});
