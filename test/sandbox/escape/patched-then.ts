import { attack } from '../harness.ts';

export default attack({
  name: 'a patched Promise.prototype.then that catches the continuations of the prelude',
  top: `
    const caught = [];
    const then = Promise.prototype.then;
    Promise.prototype.then = function (...args) {
      caught.push(this, ...args);
      return then.apply(this, args);
    };
    Promise.prototype.catch = Promise.prototype.finally = Promise.prototype.then;
  `,
  handler: `async (request, ctx) => {
    queueMicrotask(() => {});
    await ctx.state.get('k');
    return { body: reached(...caught) };
  }`,
  expect: { body: [] },
});
