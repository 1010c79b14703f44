import { attack } from '../harness.ts';

export default attack({
  name: 'timers that hold what they are given',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = 'x'.repeat(1_000);
    for (let i = 0; i < 1_000; i++) setTimeout(() => {}, 1_000_000, new Array(100_000).fill(i));
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
