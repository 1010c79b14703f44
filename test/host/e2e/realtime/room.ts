import type { ExtensionSource } from '../../../support/author.ts';
import { serving } from '../../../support/sources.ts';

export const RIGHTS = [
  'realtime.register_channel',
  'realtime.broadcast',
  'realtime.subscribe_events',
  'api.emit_events',
];

/** Channels to talk in: what clients publish in `room` is broadcast to it. */
export const ROOM: ExtensionSource = {
  manifest: serving('talk', ['POST /say', 'GET /there', 'POST /happen', 'GET /left'], {
    capabilities: RIGHTS.map((name) => ({ name, reason: 'Talks.' })),
    contributes: {
      channels: [
        { name: 'room', history: 20, events: ['acme.talk.happened'] },
        { name: 'hall', auth: 'public' },
        { name: 'slow' },
      ],
      events: { publishes: [{ type: 'acme.talk.happened', schema: 'schemas/any.json' }] },
    },
    limits: { hostCallsPerSecond: 10_000 },
  }),
  files: { 'schemas/any.json': '{ "type": "object" }' },
  code: `const left = [];
    const refusal = () => Object.assign(new Error('be kind'), { code: 'TOO_RUDE' });
    export default {
      channels: {
        room: {
          onSubscribe: (client) => client.params !== 'closed',
          onMessage: async ({ client, data }, ctx) => {
            if (data === 'rude') throw refusal();
            if (data === 'broken') throw new Error('secret words');
            await ctx.realtime.broadcast('room', { from: client.principal.name, tenant: ctx.request.tenantId, data });
            return { heard: data };
          },
          onUnsubscribe: (client) => { left.push(client.id); },
        },
        hall: {},
        slow: { onMessage: () => new Promise(() => {}) },
      },
      endpoints: {
        'POST /say': async ({ body }, ctx) => ({ body: await ctx.realtime.broadcast(body.channel, body.data) }),
        'GET /there': async (_request, ctx) => ({ body: await ctx.realtime.presence('room') }),
        'POST /happen': async ({ body }, ctx) => ({ body: await ctx.events.publish('acme.talk.happened', body) }),
        'GET /left': () => ({ body: left }),
      },
    };`,
};
