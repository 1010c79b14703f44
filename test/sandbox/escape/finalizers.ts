import { attack } from '../harness.ts';

export default attack({
  name: 'callbacks of the garbage collector, which run outside of every timed window',
  handler: 'async () => ({ body: [typeof FinalizationRegistry, typeof gc, ...reached(WeakRef)] })',
  expect: { body: ['undefined', 'undefined'] },
});
