import { attack } from '../harness.ts';

export default attack({
  name: 'compiled code that no budget was made for',
  handler: `async () => ({ body: [typeof WebAssembly, typeof new Function('return this')().WebAssembly] })`,
  expect: { body: ['undefined', 'undefined'] },
});
