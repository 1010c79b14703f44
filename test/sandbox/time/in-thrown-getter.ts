import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in getters of what is thrown',
  limits: { cpuMs: 250 },
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
