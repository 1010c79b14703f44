import { attack } from '../harness.ts';

export default attack({
  name: 'an answer of many megabytes',
  handler: 'async () => ({ body: "x".repeat(10_000_000) })',
  expect: { code: 'E_LIMIT_OUTPUT' },
});
