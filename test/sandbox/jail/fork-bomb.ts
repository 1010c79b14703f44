import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'threads of the pool and timers without end',
  script: `
    let n = 0;
    for (let i = 0; i < 10_000; i++) cell.require('node:crypto').pbkdf2('a', 'b', 1e6, 64, 'sha512', () => n++);
    cell.silence();
    for (;;);
  `,
  expect: { code: 'E_LIMIT_CPU' },
});
