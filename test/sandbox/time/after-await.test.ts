import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop after an await',
  handler: `async () => { await null; for (;;); }`,
  expect: { code: 'E_LIMIT_CPU' },
});
