import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'an answer that never comes',
  limits: { wallMs: 500 },
  handler: `() => new Promise(() => {})`,
  expect: { code: 'E_LIMIT_WALL' },
});
