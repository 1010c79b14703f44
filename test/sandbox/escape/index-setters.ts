import { attack } from '../harness.ts';

export default attack({
  name: 'setters for the numbers under which the prelude keeps things',
  top: `
    const caught = [];
    for (let i = 0; i < 50; i++) {
      Object.defineProperty(Object.prototype, i, {
        configurable: true,
        set(value) {
          caught[caught.length] = value;
        },
        get: () => undefined,
      });
    }
    const clear = () => {
      for (let i = 0; i < 50; i++) delete Object.prototype[i];
    };
  `,
  handler: `async (request, ctx) => {
    const asked = ctx.state.get('k');
    setTimeout(() => {}, 1);
    await asked;
    clear();
    return { body: reached(caught) };
  }`,
  expect: { body: [] },
});
