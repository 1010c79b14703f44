import { attack } from '../harness.ts';

export default attack({
  name: 'an answer that never comes',
  limits: { cpuMs: 250, wallMs: 1_500 },
  handler: `() => new Promise(() => {})`,
  expect: { code: 'E_LIMIT_WALL' },
});
