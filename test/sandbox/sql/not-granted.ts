import { attack } from '../harness.ts';

export default attack({
  name: 'a right that was declared and taken back',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  handler: 'async (request, ctx) => { await ctx.db.query("select secret from public.sentinel"); }',
  call: async (world) => {
    await world.ask('DELETE', `/v1/extensions/${world.attacker}/grants/database.read`);
    await world.begin();
    return world.visit('attack');
  },
  expect: { code: 'E_CAP_REVOKED' },
});
