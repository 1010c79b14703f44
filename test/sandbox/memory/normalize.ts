import { attack } from '../harness.ts';

export default attack({
  name: 'texts that normalisation makes eighteen times as long',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (let i = 0; ; i++) all.push((i + '\\ufdfa'.repeat(2_000_000)).normalize('NFKD'));
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
