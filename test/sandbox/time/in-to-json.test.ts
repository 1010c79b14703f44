import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in toJSON of the answer',
  handler: `async () => ({ body: { toJSON() { for (;;); } } })`,
  expect: { code: 'E_LIMIT_CPU' },
});
