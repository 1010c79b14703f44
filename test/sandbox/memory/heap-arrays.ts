import { attack } from '../harness.ts';

export default attack({
  name: 'arrays that fill the heap',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => { const all = []; for (;;) all.push(new Array(100_000).fill(all.length)); }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
