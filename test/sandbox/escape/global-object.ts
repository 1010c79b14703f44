import { attack } from '../harness.ts';

export default attack({
  name: 'a walk over everything the global object leads to',
  handler: 'async () => ({ body: reached(globalThis) })',
  expect: { body: [] },
});
