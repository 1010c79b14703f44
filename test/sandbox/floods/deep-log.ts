import { expect } from 'vitest';
import { attack } from '../harness.ts';

// Nested as deep as the sandbox can say it: the host must have more stack than that, or say whose fault it is.
export default attack({
  name: 'log fields nested as deep as they go',
  top: `
    const nested = (depth) => {
      let value = 1;
      for (let i = 0; i < depth; i++) value = [value];
      return value;
    };
    const canSay = (value) => {
      try {
        JSON.stringify([[[value]]]);
        return true;
      } catch {
        return false;
      }
    };
    const deepest = () => {
      let depth = 0;
      for (let step = 65_536; step >= 16; step /= 2) if (canSay(nested(depth + step))) depth += step;
      return nested(depth - 512); // what is on the stack when it is said counts too
    };
  `,
  handler: `async (request, ctx) => ({
    body: await (ctx.log.info('deep', { deep: deepest() }), Promise.resolve()).then(
      () => 'taken',
      (error) => error.code ?? error.name,
    ),
  })`,
  expect: { body: expect.toBeOneOf(['taken']) },
});
