import type { Addition } from './addition.ts';
import type { Naming } from './naming.ts';

/** A channel that clients talk in over WebSockets. */
export function channelAddition({ id }: Naming): Addition {
  return {
    capabilities: [
      { name: 'realtime.register_channel', reason: 'Offers a channel in which greetings are heard.' },
      { name: 'realtime.broadcast', reason: 'Sends a greeting to all who listen.' },
    ],
    endpoints: [{ method: 'POST', path: '/announce/:name', auth: 'user' }],
    contributes: { channels: [{ name: 'greetings', auth: 'user', history: 100 }] },
    endpointSource: `
    'POST /announce/:name': async (request, ctx) => {
      const { name } = request.params;
      const { sequence } = await ctx.realtime.broadcast('greetings', { hello: name, from: null });
      return { status: 201, body: { sequence } };
    },
`,
    memberSource: `
  channels: {
    greetings: {
      // Who greets is told by the host, whatever the message claims.
      onMessage: async ({ client, data }, ctx) => {
        if (typeof data !== 'string' || data === '') throw new ExtensionError('NO_NAME', 'Name somebody.');
        return ctx.realtime.broadcast('greetings', { hello: data, from: client.principal?.name ?? null });
      },
    },
  },
`,
    unitTest: `
it('passes on who greets whom, and takes names only', async () => {
  const ctx = createRecordingContext();
  const client = { id: 'c1', principal: { id: 'user:1', name: 'Ada', role: 'user' } };
  const { onMessage } = extension.channels.greetings;
  expect(await onMessage?.({ client, data: 'Grace' }, ctx)).toEqual({ sequence: 1 });
  expect(ctx.calls).toContainEqual({
    name: 'realtime.broadcast',
    args: ['greetings', { hello: 'Grace', from: 'Ada' }],
  });
  await expect(async () => onMessage?.({ client, data: 7 }, ctx)).rejects.toThrow('Name somebody');
});
`,
    sandboxTest: `
it('announces greetings in its channel', async () => {
  const { status, body } = await host.call('POST /announce/Grace');
  expect([status, body]).toEqual([201, { sequence: 1 }]);
});
`,
    readme: `Clients hear greetings in the channel \`${id}/greetings\`, and greet in it: at \`/ws\` of the host, with any WebSocket client.`,
  };
}
