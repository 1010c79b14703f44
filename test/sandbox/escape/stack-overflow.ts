import { attack } from '../harness.ts';

// Every frame on the way up tries again: where the stack ends is within the function of the prelude.
export default attack({
  name: 'an error that the other side throws when the stack is full',
  top: `
    const caught = [];
    function dive(step) {
      try {
        dive(step);
      } catch (error) {
        caught.push(error);
        step();
      }
    }
  `,
  handler: `async (request, ctx) => {
    for (const step of [
      () => console.log('x'),
      () => ctx.state.get('k').catch((error) => caught.push(error)),
      () => crypto.randomUUID(),
      () => structuredClone([1]),
    ]) {
      try {
        dive(step);
      } catch (error) {
        caught.push(error);
      }
    }
    await null;
    return { body: reached(...caught.slice(-200)) };
  }`,
  expect: { body: [] },
});
