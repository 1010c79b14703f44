import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in toJSON of the answer',
  limits: { cpuMs: 250 },
  handler: `async () => ({ body: { toJSON() { for (;;); } } })`,
  expect: { code: 'E_LIMIT_CPU' },
});
