import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in health()',
  limits: { cpuMs: 250 },
  members: 'health() { for (;;); },',
  expect: { install: 'E_HEALTH' },
});
