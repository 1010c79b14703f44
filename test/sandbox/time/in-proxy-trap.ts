import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in the traps of the answer',
  limits: { cpuMs: 250 },
  handler: `async () =>
    new Proxy(
      {},
      {
        get() {
          for (;;);
        },
        ownKeys() {
          for (;;);
        },
        getOwnPropertyDescriptor() {
          for (;;);
        },
      },
    )`,
  expect: { code: 'E_LIMIT_CPU' },
});
