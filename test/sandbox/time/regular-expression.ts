import { attack } from '../harness.ts';

export default attack({
  name: 'a regular expression that tries everything',
  limits: { cpuMs: 250 },
  handler: `async () => ({ body: /^(a+)+$/.test("a".repeat(60) + "b") })`,
  expect: { code: 'E_LIMIT_CPU' },
});
