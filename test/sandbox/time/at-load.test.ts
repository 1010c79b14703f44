import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop while the module is evaluated',
  top: 'for (;;);',
  expect: { install: 'E_LIMIT_CPU' },
});
