import { attack } from '../harness.ts';

// One native call that no timeout interrupts: the watchdog of the host ends it, or memory does.
attack({
  family: 'time',
  name: 'the decimal text of a huge integer',
  handler: `async () => ({ body: (1n << 80_000_000n).toString().length })`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
