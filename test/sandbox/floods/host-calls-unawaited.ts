import { attack } from '../harness.ts';

export default attack({
  name: 'host calls nobody waits for, from a call that is over',
  handler: `async (request, ctx) => {
    setInterval(() => {
      for (let i = 0; i < 100; i++) ctx.state.set('k' + i, 'x'.repeat(10_000)).catch(() => {});
    }, 1);
    return { body: 'left' };
  }`,
  expect: { body: 'left' },
});
