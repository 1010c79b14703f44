import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in a timer that outlives its call',
  limits: { cpuMs: 250 },
  handler: 'async () => { setTimeout(() => { for (;;); }, 50); return { body: "left" }; }',
  expect: { body: 'left', died: 'E_LIMIT_CPU' },
});
