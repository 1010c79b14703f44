import { attack } from '../harness.ts';

export default attack({
  name: 'with and Symbol.unscopables around names of Node',
  handler: `async (request, ctx) => {
    const look = new Function(
      'scope',
      'with (scope) { return [typeof process, typeof require, typeof module, typeof global]; }',
    );
    Object.prototype[Symbol.unscopables] = { undefined: true };
    const all = new Proxy(
      {},
      {
        has: (_, name) => name !== 'scope',
        get: (_, name) => (name === Symbol.unscopables ? undefined : globalThis[name]),
      },
    );
    return { body: [...new Set([...look(ctx), ...look(all), ...look(globalThis)])] };
  }`,
  expect: { body: ['undefined'] },
});
