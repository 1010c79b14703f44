import { attack } from '../harness.ts';

// V8 may refuse to reserve so much address space.
export default attack({
  name: 'buffers that reserve much and grow later',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (;;) {
      const buffer = new ArrayBuffer(1, { maxByteLength: 1_000_000_000 });
      buffer.resize(50_000_000);
      new Uint8Array(buffer).fill(1);
      all.push(buffer);
    }
  }`,
  expect: { code: ['E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
