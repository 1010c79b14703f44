import { attack } from '../harness.ts';

// Each formatter keeps memory outside of the heap.
export default attack({
  name: 'locale data opened over and over',
  limits: { cpuMs: 250 },
  handler: `async () => {
    if (typeof Intl === 'undefined') for (;;);
    for (;;) {
      new Intl.DateTimeFormat('ar-EG-u-ca-islamic', { dateStyle: 'full' }).format(0);
      'ß'.repeat(100_000).toLocaleUpperCase('tr').localeCompare('SS');
    }
  }`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
