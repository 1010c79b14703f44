import { attack } from '../harness.ts';

export default attack({
  name: 'one native call that fills an array',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => { return { body: new Array(200_000_000).fill(1.5).length }; }`,
  // On a busy machine it stops reacting, in one long native piece of work, before its memory is full.
  expect: { code: ['E_LIMIT_MEMORY', 'E_LIMIT_CPU'] },
});
