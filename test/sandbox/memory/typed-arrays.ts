import { attack } from '../harness.ts';

// V8 may refuse the buffer with an error of the guest instead of ending it.
export default attack({
  name: 'buffers outside of the heap',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => { const all = []; for (;;) all.push(new Uint8Array(10_000_000).fill(1)); }`,
  expect: { code: ['E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
