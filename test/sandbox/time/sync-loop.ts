import { attack } from '../harness.ts';

export default attack({
  name: 'a loop without end',
  limits: { cpuMs: 250 },
  handler: `async () => { for (;;); }`,
  expect: { code: 'E_LIMIT_CPU' },
});
