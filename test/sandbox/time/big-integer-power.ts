import { attack } from '../harness.ts';

// One multiplication cannot be interrupted; the cell is killed, or V8 refuses the size.
export default attack({
  name: 'a power of big integers',
  limits: { cpuMs: 250 },
  handler: `async () => { let x = 3n ** 1_000_000n; for (;;) x = x * x % (2n ** 6_000_000n - 1n); }`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
