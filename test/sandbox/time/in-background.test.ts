import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a loop in a timer that outlives its call',
  handler: 'async () => { setTimeout(() => { for (;;); }, 50); return { body: "left" }; }',
  expect: { body: 'left', died: 'E_LIMIT_CPU' },
});
