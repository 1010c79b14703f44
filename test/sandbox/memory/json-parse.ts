import { attack } from '../harness.ts';

export default attack({
  name: 'a small text that parses into much',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const text = '[' + '[],'.repeat(300_000) + '[]]';
    const all = [];
    for (;;) all.push(JSON.parse(text));
  }`,
  expect: { code: 'E_LIMIT_MEMORY' },
});
