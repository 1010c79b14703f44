import { endpointManifest, endpointSource, type TemplateFiles } from './endpoint.ts';
import type { Naming } from './naming.ts';

/** The endpoint template, and a subscription to the event that it publishes. */
export function eventFiles(naming: Naming): TemplateFiles {
  return {
    manifest: endpointManifest(naming, {
      capabilities: [{ name: 'realtime.subscribe_events', reason: 'Logs each greeting.' }],
      subscribes: [naming.greeted],
    }),
    source: endpointSource(naming, {
      members: `
  events: {
    // Delivery is at least once: the same event_id may come again.
    '${naming.greeted}': (event, ctx) => {
      ctx.log.info('greeted', { eventId: event.event_id, greeting: event.data });
    },
  },
`,
    }),
  };
}
