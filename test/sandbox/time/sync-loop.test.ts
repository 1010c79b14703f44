import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop without end',
  handler: `async () => { for (;;); }`,
  expect: { code: 'E_LIMIT_CPU' },
});
