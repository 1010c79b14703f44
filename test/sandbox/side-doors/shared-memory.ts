import { attack } from '../harness.ts';

export default attack({
  name: 'shared memory and waiting on it',
  handler: `async () => {
    const shared = [];
    try {
      shared.push(new Function('return new SharedArrayBuffer(8)')());
    } catch {
      shared.push('none');
    }
    try {
      shared.push(new Function('return Atomics.wait(new Int32Array(8), 0, 0)')());
    } catch {
      shared.push('none');
    }
    try {
      shared.push(
        typeof new Function('return new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer')(),
      );
    } catch {
      shared.push('none');
    }
    return { body: shared };
  }`,
  expect: { body: ['none', 'none', 'none'] },
});
