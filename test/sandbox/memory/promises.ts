import { attack } from '../harness.ts';

export default attack({
  name: 'promises nobody resolves',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (;;) all.push(new Promise(() => {}).then(() => all).finally(() => all));
  }`,
  // On a busy machine it stops reacting, in one long native piece of work, before its memory is full.
  expect: { code: ['E_LIMIT_MEMORY', 'E_LIMIT_CPU'] },
});
