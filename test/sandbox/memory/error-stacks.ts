import { attack } from '../harness.ts';

export default attack({
  name: 'errors whose stacks have no limit',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    Error.stackTraceLimit = Infinity;
    const all = [];
    const dive = (n) => {
      all.push(new Error('x'.repeat(1_000) + n));
      if (n > 0) dive(n - 1);
    };
    for (;;) dive(500);
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
