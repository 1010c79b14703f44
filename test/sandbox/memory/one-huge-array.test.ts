import { attack } from '../harness.ts';

attack({
  family: 'memory',
  name: 'one native call that fills an array',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => { return { body: new Array(200_000_000).fill(1.5).length }; }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
