import { attack } from '../harness.ts';

// One native call that no timeout interrupts: the watchdog of the host ends it, or memory does.
export default attack({
  name: 'the decimal text of a huge integer',
  limits: { cpuMs: 250 },
  handler: `async () => ({ body: (1n << 80_000_000n).toString().length })`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
