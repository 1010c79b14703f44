import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { TestHost, until } from '../../../support/host.ts';
import { serving } from '../../../support/sources.ts';
import { WsClient } from '../../../support/ws-client.ts';
import { ROOM } from './room.ts';

const ID = 'acme/talk';
const room = `${ID}/room`;

/** Taps every hook of the component. */
const TAPS = {
  manifest: serving('taps', ['GET /told'], {
    capabilities: ['realtime.subscribe_events', 'realtime.broadcast'].map((name) => ({
      name,
      reason: 'Taps.',
    })),
    contributes: {
      hooks: [
        'magws.subscribe_to_event',
        'magws.broadcast_adapter',
        'magws.presence_stream',
        'magws.message_history',
        'magws.replay_events',
      ].map((hook) => ({ hook })),
    },
  }),
  code: `const told = [];
    export default {
      hooks: {
        'magws.subscribe_to_event': ({ channel }) => {
          if (channel.endsWith('/hall')) throw Object.assign(new Error('the hall is closed'), { code: 'HALL_CLOSED' });
        },
        'magws.broadcast_adapter': (message) => ({ ...message, channel: 'acme/talk/other', data: { seen: message.data } }),
        'magws.presence_stream': ({ change, member }) => { told.push(change + ' ' + member.name); },
        'magws.message_history': () => ({ messages: [{ at: '2020-01-01T00:00:00.000Z', data: 'long ago' }] }),
        'magws.replay_events': ({ event }) => ({ events: [{ timestamp: '2020-01-01T00:00:00.000Z', data: event }] }),
      },
      endpoints: { 'GET /told': () => ({ body: told }) },
    };`,
};

describe('the life of a subscription', () => {
  let host: TestHost;
  let there: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    there = await host.startBeside();
    await host.run(await author.publish(ROOM));
    await until(
      () => there.ask('GET', `/x/${ID}/left`),
      ({ status }) => status === 200,
    );
  });
  afterAll(async () => {
    await there[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const open = (on: TestHost, token = on.token) => WsClient.open(on.url, { token });
  const grant = (name: string) => host.ask('PUT', `/v1/extensions/${ID}/grants/${name}`, { body: {} });
  const revoke = (name: string) => host.ask('DELETE', `/v1/extensions/${ID}/grants/${name}`);

  it('spans hosts: messages in one order, and who is there', async () => {
    await using here = await open(host);
    await using far = await open(there, host.token);
    await here.ask({ type: 'subscribe', channel: room, presence: true });
    expect((await far.ask({ type: 'subscribe', channel: room, presence: true })).type).toBe('subscribed');
    for (let n = 0; n < 10; n++) {
      const said = await (n % 2 === 0 ? here : far).ask({ type: 'publish', channel: room, data: n });
      expect(said).toMatchObject({ type: 'published', result: { heard: n } });
    }
    for (const client of [here, far]) {
      await client.next(({ data }) => data?.data === 9);
      expect(client.of('message').map(({ data }) => data.data)).toEqual([...Array(10).keys()]);
    }
    const { members } = await here.ask({ type: 'presence', channel: room });
    expect(members).toMatchObject([{ connections: 2 }]);
  });

  it.each([
    ['on the host it was revoked on', () => host],
    ['on another host', () => there],
  ])('ends when the channel is revoked, %s', async (where, on) => {
    await using client = await open(on(), host.token);
    await client.ask({ type: 'subscribe', channel: room });
    const startedAt = performance.now();
    await revoke('realtime.register_channel');
    expect(await client.next(({ type }) => type === 'ended')).toMatchObject({
      channel: room,
      code: 'E_CAP_REVOKED',
    });
    process.stdout.write(
      `revocation: a subscription ${where} ended after ${Math.round(performance.now() - startedAt)} ms\n`,
    );
    expect((await client.ask({ type: 'subscribe', channel: room })).code).toMatch(
      /^E_(CAP_REVOKED|NOT_FOUND)$/,
    );
    await grant('realtime.register_channel');
    await until(
      () => client.ask({ type: 'subscribe', channel: room }),
      ({ type }) => type === 'subscribed',
    );
  });

  it('brings no events that the extension may not see any more', async () => {
    await using client = await open(host);
    await client.ask({ type: 'subscribe', channel: room });
    const happen = (n: number) => host.ask('POST', `/x/${ID}/happen`, { body: { n } });
    await revoke('realtime.subscribe_events');
    await happen(1);
    await grant('realtime.subscribe_events');
    await happen(2);
    await client.next(({ event }) => event?.data.n === 2);
    await revoke('realtime.subscribe_events');
    const replay = { type: 'replay', channel: room, event: 'acme.talk.happened', from: { sequence: 1 } };
    expect(await client.ask(replay)).toMatchObject({ type: 'replayed', count: 0 });
    await grant('realtime.subscribe_events');
  });

  it('cuts a handler that is at work when the channel is revoked', async () => {
    await using client = await open(host);
    await client.ask({ type: 'subscribe', channel: `${ID}/slow` });
    const answer = client.ask({ type: 'publish', channel: `${ID}/slow`, data: 1 });
    await revoke('realtime.register_channel');
    expect(await answer).toMatchObject({ type: 'error', code: 'E_CAP_REVOKED' });
    await grant('realtime.register_channel');
  });

  it('is guarded, changed, watched and added to by extensions that tap the hooks', async () => {
    await host.run(await author.publish(TAPS));
    await using client = await open(host);
    expect(await client.ask({ type: 'subscribe', channel: `${ID}/hall` })).toMatchObject({
      code: 'HALL_CLOSED',
      detail: 'the hall is closed',
    });
    await client.ask({ type: 'subscribe', channel: room });
    await client.ask({ type: 'publish', channel: room, data: 'hi' });
    const message = await client.next(({ type }) => type === 'message');
    expect([message.channel, message.data.seen.data]).toEqual([room, 'hi']);
    expect((await client.ask({ type: 'history', channel: room })).contributed).toEqual([
      { extension: 'acme/taps', messages: [{ at: '2020-01-01T00:00:00.000Z', data: 'long ago' }] },
    ]);
    const replay = { type: 'replay', channel: room, event: 'acme.talk.happened', from: { sequence: 1 } };
    expect((await client.ask(replay)).contributed).toMatchObject([
      { events: [{ data: 'acme.talk.happened' }] },
    ]);
    await client.ask({ type: 'unsubscribe', channel: room });
    await until(
      async () => (await host.ask('GET', '/x/acme/taps/told')).body,
      (told) => told.includes('join admin') && told.includes('leave admin'),
    );
    await host.operate('acme/taps', 'disable');
  });

  it('ends when the extension is disabled, and with 1001 when the host stops', async () => {
    await using client = await open(there, host.token);
    await client.ask({ type: 'subscribe', channel: room });
    await host.operate(ID, 'disable');
    expect(await client.next(({ type }) => type === 'ended')).toMatchObject({ code: 'E_NOT_ENABLED' });
    await host.operate(ID, 'enable');
    await until(
      () => client.ask({ type: 'subscribe', channel: room }),
      ({ type }) => type === 'subscribed',
    );
    await there.shutdown();
    expect((await client.closed).code).toBe(1001);
    await using here = await open(host);
    const { presence } = await here.ask({ type: 'subscribe', channel: room, presence: true });
    expect(presence.members).toMatchObject([{ connections: 1 }]);
  });
});
