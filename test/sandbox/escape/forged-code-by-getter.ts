import { attack } from '../harness.ts';

export default attack({
  name: 'an error whose code is another one each time it is read',
  handler: `async () => {
    let n = 0;
    throw {
      get code() {
        return ['E_INTERNAL', 'E_CAP_UNDECLARED', 'E_SHUTDOWN'][n++ % 3];
      },
      get message() {
        throw this;
      },
      get stack() {
        return {
          toString() {
            throw 1;
          },
        };
      },
    };
  }`,
  expect: { code: 'E_EXTENSION' },
});
