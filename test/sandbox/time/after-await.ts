import { attack } from '../harness.ts';

export default attack({
  name: 'a loop after an await',
  limits: { cpuMs: 250 },
  handler: `async () => { await null; for (;;); }`,
  expect: { code: 'E_LIMIT_CPU' },
});
