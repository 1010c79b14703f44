import { attack } from '../harness.ts';

// The array itself may be more than the memory limit leaves room for.
export default attack({
  name: 'sorting that compares forever',
  limits: { cpuMs: 250 },
  handler: `async () => ({
    body: Array.from({ length: 3_000_000 }, () => Math.random()).sort(() => Math.random() - 0.5).length,
  })`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
