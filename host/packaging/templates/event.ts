import type { Addition } from './addition.ts';
import type { Naming } from './naming.ts';

/** A subscription to the event that the greeting publishes. */
export function eventAddition(naming: Naming): Addition {
  return {
    capabilities: [{ name: 'realtime.subscribe_events', reason: 'Logs each greeting.' }],
    subscribes: [naming.greeted],
    memberSource: `
  events: {
    // Delivery is at least once: the same event_id may come again.
    '${naming.greeted}': (event, ctx) => {
      ctx.log.info('greeted', { eventId: event.event_id, greeting: event.data });
    },
  },
`,
    unitTest: `
it('logs each greeting', async () => {
  const ctx = createRecordingContext();
  const event = createEvent('${naming.greeted}', { name: 'Ada', greetings: 1 });
  await extension.events['${naming.greeted}'](event, ctx);
  expect(ctx.calls).toEqual([
    { name: 'log.info', args: ['greeted', { eventId: event.event_id, greeting: event.data }] },
  ]);
});
`,
    sandboxTest: `
it('is told of each greeting', async () => {
  await host.call('GET /greet/Grace');
  await expect
    .poll(() => host.logs(), { timeout: 30_000 })
    .toContainEqual(expect.objectContaining({ message: 'greeted' }));
});
`,
    readme: `It subscribes to \`${naming.greeted}\` and logs each greeting.`,
  };
}
