import { attack } from '../harness.ts';

export default attack({
  name: 'a tenant named in every place a tenant could be named',
  handler: `async (request, ctx) => {
    await ctx.state.set('k', 'mine');
    const answer = await ctx.state.get({ key: 'k', tenantId: 't_other' }).catch((error) => error.code);
    const list = await ctx.state.list({ prefix: '', tenant: 't_other' }).catch((error) => error.code);
    return { body: [answer, list, ctx.request.tenantId === request.headers['x-tenant-id']] };
  }`,
  call: (world) => world.visit('attack', { headers: { 'x-magflock-extension': 'acme/canary' } }),
  expect: { body: ['E_PARAMS', 'E_PARAMS', false] },
});
