import { attack } from '../harness.ts';

export default attack({
  name: 'a heap filled after the call was answered',
  limits: { cpuMs: 20_000 },
  handler: `async () => {
    setTimeout(() => {
      const all = [];
      for (;;) all.push(new Array(100_000).fill(1));
    }, 20);
    return { body: 'left' };
  }`,
  expect: { body: 'left', died: 'E_LIMIT_MEMORY' },
});
