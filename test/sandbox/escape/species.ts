import { attack } from '../harness.ts';

export default attack({
  name: 'Symbol.species of promises and arrays that hands out resolvers',
  top: `
    const caught = [];
    class Spy extends Promise {
      constructor(run) {
        super((resolve, reject) => {
          caught.push(resolve, reject, run);
          run(resolve, reject);
        });
      }
    }
    Object.defineProperty(Promise, Symbol.species, { configurable: true, get: () => Spy });
    Object.defineProperty(Array, Symbol.species, {
      configurable: true,
      get() {
        caught.push(this);
        return Array;
      },
    });
    Promise.prototype.constructor = Spy;
  `,
  handler: `async (request, ctx) => {
    await ctx.state.get('k').then((value) => value);
    await ctx.state.list({});
    return { body: reached(...caught) };
  }`,
  expect: { body: [] },
});
