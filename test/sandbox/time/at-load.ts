import { attack } from '../harness.ts';

export default attack({
  name: 'a loop while the module is evaluated',
  limits: { cpuMs: 250 },
  top: 'for (;;);',
  expect: { install: 'E_LIMIT_CPU' },
});
