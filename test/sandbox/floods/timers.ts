import { attack } from '../harness.ts';

export default attack({
  name: 'timers without end',
  handler: `async () => {
    try {
      for (;;) setTimeout(() => {}, 1e9);
    } catch (error) {
      return { body: error.code };
    }
  }`,
  expect: { body: 'E_LIMIT_RATE' },
});
