import { attack } from '../harness.ts';

// V8 refuses the size itself.
export default attack({
  name: 'one buffer larger than the machine',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => { return { body: new Uint8Array(2 ** 40).fill(1).length }; }`,
  expect: { code: 'E_EXTENSION' },
});
