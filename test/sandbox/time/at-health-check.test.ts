import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in health()',
  members: 'health() { for (;;); },',
  expect: { install: 'E_HEALTH' },
});
