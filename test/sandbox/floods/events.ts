import { attack } from '../harness.ts';

export default attack({
  name: 'events published faster than allowed',
  limits: { hostCallsPerSecond: 5 },
  capabilities: [{ name: 'api.emit_events', reason: 'Far too many.' }],
  contributes: { events: { publishes: [{ type: 'mallory.attacker.noise', schema: 'schemas/noise.json' }] } },
  files: { 'schemas/noise.json': '{"type":"object"}' },
  handler: `async (request, ctx) => {
    for (;;) await ctx.events.publish('mallory.attacker.noise', { text: 'x'.repeat(10_000) });
  }`,
  expect: { code: 'E_LIMIT_RATE' },
});
