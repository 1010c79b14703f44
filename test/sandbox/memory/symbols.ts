import { attack } from '../harness.ts';

export default attack({
  name: 'symbols in the registry, which is never emptied',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    for (let i = 0; ; i++) Symbol.for('symbol number ' + i + 'x'.repeat(1_000));
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
