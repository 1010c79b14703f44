import { attack } from '../harness.ts';

export default attack({
  name: 'an answer that grows when it is encoded',
  handler: 'async () => ({ body: "\\u0001".repeat(900_000) })',
  expect: { code: 'E_LIMIT_OUTPUT' },
});
