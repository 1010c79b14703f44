import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in start()',
  members: 'start() { for (;;); },',
  expect: { enable: 'E_LIMIT_CPU' },
});
