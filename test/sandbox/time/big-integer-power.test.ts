import { attack } from '../harness.ts';

// One multiplication cannot be interrupted; the cell is killed, or V8 refuses the size.
attack({
  family: 'time',
  name: 'a power of big integers',
  handler: `async () => { let x = 3n ** 1_000_000n; for (;;) x = x * x % (2n ** 6_000_000n - 1n); }`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
