import { attack } from '../harness.ts';

export default attack({
  name: 'iterators of arrays, maps and strings replaced, to catch lists of the prelude',
  top: `
    const caught = [];
    for (const proto of [Array.prototype, Map.prototype, Set.prototype, String.prototype]) {
      const original = proto[Symbol.iterator];
      proto[Symbol.iterator] = function () {
        caught[caught.length] = this;
        return original.call(this);
      };
    }
    for (const name of ['push', 'map', 'join', 'slice', 'forEach', 'concat', 'splice', 'shift']) {
      const original = Array.prototype[name];
      Array.prototype[name] = function (...args) {
        caught[caught.length] = this;
        return original.apply(this, args);
      };
    }
  `,
  handler: `async (request, ctx) => {
    await ctx.state.list({});
    console.log([1], 'x');
    ctx.signal.addEventListener('abort', () => {});
    new AbortController().abort();
    return { body: reached(caught.slice(0, 300)) };
  }`,
  expect: { body: [] },
});
