import { attack } from '../harness.ts';

export default attack({
  name: 'an event that begets two of itself whenever it is handled',
  limits: { hostCallsPerSecond: 50 },
  capabilities: [
    { name: 'api.emit_events', reason: 'Echoes.' },
    { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
  ],
  contributes: {
    events: {
      publishes: [{ type: 'mallory.attacker.echo', schema: 'schemas/echo.json' }],
      subscribes: ['mallory.attacker.echo'],
    },
  },
  files: { 'schemas/echo.json': '{"type":"object"}' },
  handler: `async (request, ctx) => {
    await ctx.events.publish('mallory.attacker.echo', {});
    return { body: 'sent' };
  }`,
  members: `events: { 'mallory.attacker.echo': async (event, ctx) => {
  await Promise.allSettled([ctx.events.publish('mallory.attacker.echo', {}), ctx.events.publish('mallory.attacker.echo', {})]);
} },`,
  expect: { body: 'sent' },
});
