import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in a timer the call waits for',
  handler: `() => new Promise(() => setTimeout(() => { for (;;); }, 5))`,
  expect: { code: 'E_LIMIT_CPU' },
});
