import { attack } from '../harness.ts';

export default attack({
  name: 'a definition whose every part is a proxy, looking at who reads it',
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
                const result = Reflect[trap](...args);
                return trap === 'get' && typeof result === 'object' && result !== null ? spy(result) : result;
              },
          },
        ),
      );
  `,
  handler: 'spy(async () => ({ body: reached(...caught) }))',
  members: 'health: spy(() => ({ healthy: true })),',
  expect: { body: [] },
});
