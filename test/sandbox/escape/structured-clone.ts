import { attack } from '../harness.ts';

export default attack({
  name: 'structuredClone of what is not its own, and of what lies about its constructor',
  top: 'const caught = [];',
  handler: `async (request, ctx) => {
    const view = new Uint8Array(8);
    Object.defineProperty(view, 'constructor', {
      value: class {
        constructor(...args) {
          caught.push(...args);
        }
      },
    });
    const error = new Error('x');
    Object.defineProperty(error, 'name', {
      get() {
        caught.push(this);
        return '__proto__';
      },
    });
    for (const value of [
      ctx,
      ctx.state,
      globalThis,
      console,
      Promise,
      view,
      error,
      new Proxy([], {}),
      setTimeout,
    ]) {
      try {
        caught.push(structuredClone(value));
      } catch (thrown) {
        caught.push(thrown);
      }
    }
    return { body: reached(...caught) };
  }`,
  expect: { body: [] },
});
