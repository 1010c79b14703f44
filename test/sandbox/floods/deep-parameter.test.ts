import { expect } from 'vitest';
import { attack } from '../harness.ts';

// Nested as deep as the sandbox can say it: the host must have more stack than that, or say whose fault it is.
attack({
  family: 'floods',
  name: 'a parameter of a statement nested as deep as it goes',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
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
  handler: `async (request, ctx) => ({
    body: await ctx.db.query('select $1::jsonb as back', [deepest()]).then(
      () => 'taken',
      (error) => error.code ?? error.name,
    ),
  })`,
  expect: { body: expect.toBeOneOf(['taken', 'E_PARAMS', 'E_DB', 'E_LIMIT_OUTPUT']) },
});
