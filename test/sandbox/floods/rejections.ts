import { attack } from '../harness.ts';

export default attack({
  name: 'promises rejected with nobody listening',
  handler: `async () => {
    for (let i = 0; i < 50_000; i++)
      Promise.reject({
        get message() {
          throw this;
        },
      });
    return { body: 'left' };
  }`,
  expect: { body: 'left' },
});
