import {
  type ChannelMessage,
  type Context,
  defineExtension,
  type EndpointRequest,
  ExtensionError,
} from '#sdk';

const MAX_CHARS = 1_000;

export default defineExtension({
  channels: {
    // Whoever is known to the tenant may come: the manifest says `auth: "user"`, and `onSubscribe` nothing against it.
    room: { onMessage: say },
  },
  endpoints: {
    'POST /announcements': async ({ body }: EndpointRequest, ctx) => {
      const { sequence } = await ctx.realtime.broadcast('room', { from: null, text: textOf(body) });
      const { total } = await ctx.realtime.presence('room');
      return { status: 201, body: { sequence, there: total } };
    },
  },
});

/** Who says it is told by the host, whatever the message claims. */
async function say({ client, data }: ChannelMessage, ctx: Context) {
  return ctx.realtime.broadcast('room', { from: client.principal?.name ?? null, text: textOf(data) });
}

function textOf(said: unknown): string {
  if (typeof said !== 'string' || said.trim() === '') throw new ExtensionError('NOT_TEXT', 'say it in words');
  if (said.length > MAX_CHARS) throw new ExtensionError('TOO_LONG', `say it in ${MAX_CHARS} characters`);
  return said.trim();
}
