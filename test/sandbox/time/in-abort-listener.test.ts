import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in the listener that hears of the deadline',
  limits: { wallMs: 300 },
  handler: `async (request, ctx) => {
    ctx.signal.addEventListener('abort', () => {
      for (;;);
    });
    await new Promise(() => {});
  }`,
  expect: { code: 'E_LIMIT_WALL', died: 'E_LIMIT_CPU' },
});
