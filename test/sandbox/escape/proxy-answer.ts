import { attack } from '../harness.ts';

export default attack({
  name: 'an answer that is a proxy with every trap, looking at who reads it',
  top: `
    const caught = [];
    const spy = (target) =>
      new Proxy(
        target,
        new Proxy(
          {},
          {
            get:
              (_, trap) =>
              (...args) => {
                caught.push(...args);
                return Reflect[trap](...args);
              },
          },
        ),
      );
  `,
  handler: `async () =>
    spy({
      body: spy(['a', spy({ b: 1 })]),
      get status() {
        caught.push(this);
        return 200;
      },
    })`,
  handlers: '"GET /caught": async () => ({ body: reached(...caught) }),',
  endpoints: ['GET /caught'],
  call: async (world) => {
    await world.visit('attack');
    return world.visit('caught');
  },
  expect: { body: [] },
});
