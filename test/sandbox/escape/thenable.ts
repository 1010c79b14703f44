import { attack } from '../harness.ts';

export default attack({
  name: 'a thenable answer that keeps the resolvers it is handed',
  top: 'const caught = [];',
  handler: `(request, ctx) => ({
    then(resolve, reject) {
      caught.push(this, resolve, reject);
      resolve({ body: reached(...caught, resolve.constructor, reject.constructor) });
      resolve({ body: 'twice' });
      reject(new Error('thrice'));
      throw new Error('and again');
    },
  })`,
  expect: { body: [] },
});
