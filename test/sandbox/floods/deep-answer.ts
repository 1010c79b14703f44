import { expect } from 'vitest';
import { attack } from '../harness.ts';

// Nested as deep as the sandbox can say it: the host must have more stack than that, or say whose fault it is.
export default attack({
  name: 'an answer nested as deep as it goes',
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
  handler: 'async () => ({ body: deepest() })',
  call: async (world) => {
    const answer = await world.visit('attack');
    return { ...answer, status: 200, body: answer.status === 200 ? 'sent' : answer.body.code };
  },
  expect: { body: expect.toBeOneOf(['sent', 'E_EXTENSION', 'E_LIMIT_OUTPUT']) },
});
