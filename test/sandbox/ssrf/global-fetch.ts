import { attack } from '../harness.ts';

export default attack({
  name: 'the global fetch, by who declared no right to it',
  handler: 'async () => { await fetch("http://127.0.0.1:" + OUTSIDE.port); }',
  expect: { code: 'E_CAP_UNDECLARED' },
});
