import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a regular expression that tries everything',
  handler: `async () => ({ body: /^(a+)+$/.test("a".repeat(60) + "b") })`,
  expect: { code: 'E_LIMIT_CPU' },
});
