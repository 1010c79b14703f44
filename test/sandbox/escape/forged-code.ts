import { attack } from '../harness.ts';

export default attack({
  name: 'an error that claims a code of the host',
  handler: `async () => {
    throw Object.assign(new Error('x'), { code: 'E_QUARANTINED', status: 200, stack: 'sentinel' });
  }`,
  expect: { code: 'E_EXTENSION' },
});
