import { attack } from '../harness.ts';

attack({
  family: 'escape',
  name: 'a walk over everything the global object leads to',
  handler: 'async () => ({ body: reached(globalThis) })',
  expect: { body: [] },
});
