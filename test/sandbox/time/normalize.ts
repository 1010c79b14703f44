import { attack } from '../harness.ts';

// Each result is eighteen times as long as what it came from: memory may be over first.
export default attack({
  name: 'texts that normalisation makes longer, again and again',
  limits: { cpuMs: 250 },
  handler: `async () => {
    const text = '\\ufdfa'.repeat(1_000_000);
    for (;;) text.normalize('NFKD');
  }`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
