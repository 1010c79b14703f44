import { attack } from '../harness.ts';

export default attack({
  name: 'getters on Object.prototype that spoil every descriptor the prelude writes',
  handler: `async (request, ctx) => {
    Object.prototype.get = () => 'got';
    try {
      return { body: await ctx.state.get(1).catch((error) => error.code) };
    } finally {
      delete Object.prototype.get;
    }
  }`,
  expect: { body: 'E_PARAMS' },
});
