import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in getters of what is thrown',
  handler: `async () => {
    throw {
      get code() {
        for (;;);
      },
      get message() {
        for (;;);
      },
      get stack() {
        for (;;);
      },
    };
  }`,
  expect: { code: 'E_LIMIT_CPU' },
});
