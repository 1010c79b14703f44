import { attack } from '../harness.ts';

export default attack({
  name: 'natives over arrays as long as arrays can be',
  limits: { cpuMs: 250 },
  handler: `async () => {
    const all = { length: 2 ** 53 - 1 };
    for (;;) Array.prototype.indexOf.call(all, 1);
  }`,
  expect: { code: 'E_LIMIT_CPU' },
});
