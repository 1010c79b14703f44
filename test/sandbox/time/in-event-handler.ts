import { attack } from '../harness.ts';

// The event is delivered again after the restart; the second time is let through, so that the end is certain.
export default attack({
  name: 'a loop in the handler of an event',
  limits: { cpuMs: 250 },
  capabilities: [
    { name: 'api.emit_events', reason: 'Wakes itself.' },
    { name: 'realtime.subscribe_events', reason: 'Is woken.' },
  ],
  contributes: {
    events: {
      publishes: [{ type: 'mallory.attacker.woken', schema: 'schemas/woken.json' }],
      subscribes: ['mallory.attacker.woken'],
    },
  },
  files: { 'schemas/woken.json': '{"type":"object"}' },
  handler: `async (request, ctx) => {
    await ctx.events.publish('mallory.attacker.woken', {});
    return { body: 'sent' };
  }`,
  members: `events: { 'mallory.attacker.woken': async (event, ctx) => {
  if (await ctx.state.get('once')) return;
  await ctx.state.set('once', true);
  for (;;);
} },`,
  expect: { body: 'sent', died: 'E_LIMIT_CPU' },
});
