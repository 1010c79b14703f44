import { attack } from '../harness.ts';

attack({
  family: 'memory',
  name: 'texts that differ',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (let i = 0; ; i++) all.push(('x'.repeat(1_000_000) + i).split('').join('y'));
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
