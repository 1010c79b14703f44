import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in start()',
  limits: { cpuMs: 250 },
  members: 'start() { for (;;); },',
  expect: { enable: 'E_LIMIT_CPU' },
});
