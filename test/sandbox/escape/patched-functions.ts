import { attack } from '../harness.ts';

export default attack({
  name: 'call, apply, bind and Reflect.apply replaced, to catch functions the host lent',
  top: `
    const caught = [];
    for (const name of ['call', 'apply', 'bind']) {
      const original = Function.prototype[name];
      Function.prototype[name] = function (...args) {
        caught[caught.length] = this;
        return Reflect_.apply(original, this, args);
      };
    }
    const Reflect_ = { apply: Reflect.apply };
    Reflect.apply = (...args) => {
      caught[caught.length] = args;
      return Reflect_.apply(...args);
    };
    Object.defineProperty =
      Object.freeze =
      Object.keys =
      Object.hasOwn =
        (...args) => {
          caught[caught.length] = args;
          return args[0];
        };
    String.prototype.slice = String.prototype.charCodeAt = function () {
      caught[caught.length] = this;
      return 'x';
    };
  `,
  handler: `async (request, ctx) => {
    await ctx.state.get('k');
    await ctx.state.get(1).catch(() => {});
    console.log('a', {});
    crypto.randomUUID();
    btoa('a');
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { body: reached(caught) };
  }`,
  expect: { body: [] },
});
