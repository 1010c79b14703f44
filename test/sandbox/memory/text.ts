import { attack } from '../harness.ts';

export default attack({
  name: 'texts that differ',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (let i = 0; ; i++) all.push(('x'.repeat(1_000_000) + i).split('').join('y'));
  }`,
  // On a busy machine it stops reacting, in one long native piece of work, before its memory is full.
  expect: { code: ['E_LIMIT_MEMORY', 'E_LIMIT_CPU'] },
});
