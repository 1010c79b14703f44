import { attack } from '../harness.ts';

export default attack({
  name: 'what import.meta tells',
  handler: `async () => ({
    body: [
      Object.keys(import.meta).length,
      typeof import.meta.dirname,
      typeof import.meta.resolve,
      ...reached(import.meta),
    ],
  })`,
  expect: { body: [0, 'undefined', 'undefined'] },
});
