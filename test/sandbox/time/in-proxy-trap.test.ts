import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in the traps of the answer',
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
