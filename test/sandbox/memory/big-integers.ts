import { attack } from '../harness.ts';

// V8 may refuse the size with an error of the guest.
export default attack({
  name: 'integers of millions of digits',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (let i = 1n; ; i++) all.push((1n << 30_000_000n) + i);
  }`,
  expect: { code: ['E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
