import { attack } from '../harness.ts';

attack({
  family: 'memory',
  name: 'promises nobody resolves',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (;;) all.push(new Promise(() => {}).then(() => all).finally(() => all));
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
