import { attack } from '../harness.ts';

// A map has a most of entries, which may come first.
export default attack({
  name: 'a map without end',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => { const all = new Map(); for (let i = 0; ; i++) all.set(i, { i }); }`,
  expect: { code: ['E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
