import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in a timer the call waits for',
  limits: { cpuMs: 250 },
  handler: `() => new Promise(() => setTimeout(() => { for (;;); }, 5))`,
  expect: { code: 'E_LIMIT_CPU' },
});
