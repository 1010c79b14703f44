import { attack } from '../harness.ts';

// Its own parameters are its own to rewrite: the host takes the extension and the tenant from the channel.
attack({
  family: 'escape',
  name: 'toJSON on every prototype, to rewrite what crosses the wall',
  top: `
    const seen = [];
    const rewrite = function (key) {
      seen.push(this);
      return key === '' ? { key: 'k', call: 1, extension: 'acme/canary', tenantId: 't_other' } : this.valueOf();
    };
  `,
  handler: `async (request, ctx) => {
    await ctx.state.set('k', 'mine');
    Object.prototype.toJSON = rewrite;
    const read = await ctx.state.get('other').catch((error) => error.code);
    delete Object.prototype.toJSON;
    return { body: [read, ...reached(...seen)] };
  }`,
  expect: { body: ['E_PARAMS'] },
});
