import { attack } from '../harness.ts';

export default attack({
  name: 'log lines of things whose every conversion is hostile',
  top: `
    const caught = [];
    const hostile = () =>
      new Proxy(function () {}, {
        get(target, key, receiver) {
          caught.push(receiver);
          if (key === Symbol.toPrimitive)
            return () => {
              throw hostile();
            };
          return hostile();
        },
        getPrototypeOf() {
          throw hostile();
        },
        ownKeys() {
          throw hostile();
        },
        has() {
          throw hostile();
        },
        apply() {
          throw hostile();
        },
      });
  `,
  handler: `async (request, ctx) => {
    for (const level of ['debug', 'log', 'info', 'warn', 'error', 'trace']) {
      try {
        console[level](hostile(), { a: hostile() }, Symbol('s'), new Error(hostile));
      } catch (error) {
        caught.push('threw', error);
      }
    }
    for (const value of [hostile(), { toJSON: hostile() }, Object.create(null), { toString: null }]) {
      try {
        ctx.log.error(value, value);
      } catch (error) {
        caught.push('threw', error);
      }
    }
    return { body: [caught.includes('threw'), ...reached(...caught)] };
  }`,
  expect: { body: [false] },
});
