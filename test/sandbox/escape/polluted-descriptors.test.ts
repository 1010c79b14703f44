import { attack } from '../harness.ts';

// The call it spoils is its own.
attack({
  family: 'escape',
  name: 'getters on Object.prototype that spoil every descriptor the prelude writes',
  handler: `async (request, ctx) => {
    Object.prototype.get = () => 'got';
    try {
      return { body: await ctx.state.get(1).catch((error) => String(error.code)) };
    } finally {
      delete Object.prototype.get;
    }
  }`,
  expect: { code: 'E_EXTENSION' },
});
