import { attack } from '../harness.ts';

export default attack({
  name: 'a thousand intervals of no time at all',
  handler: `async () => {
    let n = 0;
    for (let i = 0; i < 1_000; i++)
      setInterval(() => {
        n++;
      }, 0);
    return { body: 'left' };
  }`,
  expect: { body: 'left' },
});
