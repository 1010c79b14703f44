import { attack } from '../harness.ts';

export default attack({
  name: 'events in the names of others',
  capabilities: [{ name: 'api.emit_events', reason: 'Lies.' }],
  contributes: { events: { publishes: [{ type: 'mallory.attacker.noise', schema: 'schemas/noise.json' }] } },
  files: { 'schemas/noise.json': '{"type":"object"}' },
  handler: `async (request, ctx) => {
    const codes = [];
    for (const type of [
      'extension.quarantined',
      'acme.canary.song',
      'mallory.attacker',
      'mallory.attacker.noise.',
      'auth.permission.denied',
    ]) {
      codes.push(
        await ctx.events.publish(type, { extension: 'acme/canary', version: '1.0.0', code: 'E_INTERNAL' }).then(
          () => 'sent',
          (error) => error.code,
        ),
      );
    }
    return { body: [...new Set(codes)].sort() };
  }`,
  expect: { body: ['E_EVENT_NAMESPACE', 'E_EVENT_SCHEMA'] },
});
