import { attack } from '../harness.ts';

export default attack({
  name: 'an error of many megabytes',
  handler: `async () => {
    const error = new Error('x'.repeat(9_000_000));
    error.stack = 'y'.repeat(9_000_000);
    error.code = 'z'.repeat(9_000_000);
    throw error;
  }`,
  expect: { code: 'E_EXTENSION' },
});
