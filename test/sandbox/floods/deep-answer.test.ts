import { expect } from 'vitest';
import { at, attack } from '../harness.ts';

// Nested as deep as the sandbox can say it: the host must have more stack than that, or say whose fault it is.
attack({
  family: 'floods',
  name: 'an answer nested as deep as it goes',
  top: `
    const deepest = () => {
      for (let depth = 100_000; ; depth = Math.floor(depth * 0.97)) {
        let value = 1;
        for (let i = 0; i < depth; i++) value = [value];
        try {
          JSON.stringify([[[value]]]);
          return value;
        } catch {
          /* deeper than this side can say */
        }
      }
    };
  `,
  handler: 'async () => ({ body: deepest() })',
  call: async (world) => {
    const answer = await world.ask('GET', at('attack'));
    return { ...answer, status: 200, body: answer.status === 200 ? 'sent' : answer.body.code };
  },
  expect: { body: expect.toBeOneOf(['sent', 'E_EXTENSION', 'E_LIMIT_OUTPUT']) },
});
