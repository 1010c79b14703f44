import { attack } from '../harness.ts';

// It is asked under the name it was asked for, and there is nothing under that.
export default attack({
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
  expect: { body: [null] },
});
