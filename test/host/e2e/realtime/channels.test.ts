import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packExtension } from '../../../../host/packaging/index.ts';
import { ROOT_DIR } from '../../../../host/paths.ts';
import { Author } from '../../../support/author.ts';
import { TestHost, until } from '../../../support/host.ts';
import { type ClientOptions, WsClient } from '../../../support/ws-client.ts';
import { ROOM } from './room.ts';

const ID = 'acme/talk';
const room = `${ID}/room`;

describe('channels of extensions', () => {
  let host: TestHost;
  let author: Author;
  let acme: string;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(ROOM));
    const made = await host.ask('POST', '/v1/tokens', {
      body: { name: 'Ada', role: 'user', tenant: 't_acme' },
    });
    acme = made.body.token;
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const open = (options: ClientOptions = { token: host.token }) => WsClient.open(host.url, options);
  const say = (channel: string, data: unknown, token = host.token) =>
    host.ask('POST', `/x/${ID}/say`, { body: { channel, data }, token });

  it('take messages, answer them, and send what is broadcast to all in order', async () => {
    await using a = await open();
    await using b = await open();
    expect(await a.ask({ type: 'subscribe', channel: room })).toMatchObject({
      type: 'subscribed',
      channel: room,
      events: ['acme.talk.happened'],
    });
    const { sequence } = await b.ask({ type: 'subscribe', channel: room });
    expect(await a.ask({ type: 'publish', channel: room, data: 'hi' })).toMatchObject({
      type: 'published',
      result: { heard: 'hi' },
    });
    for (let n = 0; n < 20; n++) await say('room', n);
    await b.next(({ data }) => data === 19);
    const messages = b.of('message');
    expect(messages[0].data).toEqual({ from: 'admin', tenant: 't_system', data: 'hi' });
    expect(messages.map((message) => message.sequence)).toEqual(
      Array.from({ length: 21 }, (_, n) => sequence + 1 + n),
    );
  });

  it.each<[string, () => ClientOptions]>([
    ['a header', () => ({ token: host.token })],
    ['a protocol', () => ({ protocols: ['magflock.v1', `bearer.${host.token}`] })],
    ['nothing but a protocol', () => ({ protocols: [host.token] })],
  ])('know a client by %s', async (_how, options) => {
    await using client = await open(options());
    expect((await client.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
    if (options().protocols?.length === 2) expect(client.socket.protocol).toBe('magflock.v1');
  });

  it('know a client by its first message', async () => {
    await using client = await open({});
    expect(await client.ask({ type: 'subscribe', channel: room })).toMatchObject({ code: 'E_AUTH_REQUIRED' });
    expect(await client.ask({ type: 'authenticate', token: acme })).toMatchObject({
      type: 'authenticated',
      tenant: 't_acme',
      principal: { name: 'Ada' },
    });
    expect((await client.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
  });

  it('let in who is not known where they are public', async () => {
    await using client = await open({});
    const channel = `${ID}/hall`;
    expect((await client.ask({ type: 'subscribe', channel })).type).toBe('subscribed');
    expect(await client.ask({ type: 'publish', channel, data: 1 })).toMatchObject({ code: 'NO_MESSAGES' });
    await say('hall', 'welcome');
    expect((await client.next(({ type }) => type === 'message')).data).toBe('welcome');
  });

  it('are one for each tenant', async () => {
    await using ours = await open();
    await using theirs = await open({ token: acme });
    await ours.ask({ type: 'subscribe', channel: room });
    await theirs.ask({ type: 'subscribe', channel: room });
    await say('room', 'ours');
    await say('room', 'theirs', acme);
    await theirs.next(({ data }) => data === 'theirs');
    await ours.next(({ data }) => data === 'ours');
    expect(theirs.of('message').map(({ data }) => data)).toEqual(['theirs']);
    expect((await theirs.ask({ type: 'history', channel: room })).messages.length).toBe(1);
    expect(
      (await theirs.ask({ type: 'presence', channel: room })).members.map((m: { name: string }) => m.name),
    ).toEqual(['Ada']);
  });

  it('keep what was said, within bounds', async () => {
    await using client = await open();
    const { sequence } = await client.ask({ type: 'subscribe', channel: room });
    for (let n = 0; n < 25; n++) await say('room', { n });
    const all = await client.ask({ type: 'history', channel: room, limit: 100 });
    expect(all.messages.map(({ data }: { data: { n: number } }) => data.n)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 5),
    );
    const page = await client.ask({ type: 'history', channel: room, before: sequence + 24, limit: 2 });
    expect(page.messages.map((m: { sequence: number }) => m.sequence)).toEqual([
      sequence + 22,
      sequence + 23,
    ]);
    const after = await client.ask({ type: 'history', channel: room, after: sequence + 23 });
    expect(after.messages.map(({ data }: { data: { n: number } }) => data.n)).toEqual([23, 24]);
  });

  it('say who is there, who comes and who leaves', async () => {
    await using watcher = await open({ token: acme });
    const { presence } = await watcher.ask({ type: 'subscribe', channel: room, presence: true });
    expect(presence).toMatchObject({ total: 1, members: [{ name: 'Ada', connections: 1 }] });
    const { body } = await host.ask('POST', '/v1/tokens', {
      body: { name: 'Bob', role: 'user', tenant: 't_acme' },
    });
    const bob = await open({ token: body.token });
    await bob.ask({ type: 'subscribe', channel: room });
    await watcher.next(({ change, member }) => change === 'join' && member.name === 'Bob');
    const there = (await host.ask('GET', `/x/${ID}/there`, { token: acme })).body;
    expect(there.members.map(({ name }: { name: string }) => name)).toEqual(['Ada', 'Bob']);
    await bob[Symbol.asyncDispose]();
    await watcher.next(({ change, member }) => change === 'leave' && member.name === 'Bob');
    await until(
      async () => (await host.ask('GET', `/x/${ID}/left`)).body.length,
      (count) => count > 0,
    );
  });

  it('bring events of the bus to their tenant, and once more from a point on', async () => {
    await using client = await open({ token: acme });
    await client.ask({ type: 'subscribe', channel: room });
    const happen = (n: number, token: string) => host.ask('POST', `/x/${ID}/happen`, { body: { n }, token });
    const first = (await happen(1, acme)).body;
    await happen(2, host.token);
    await happen(3, acme);
    await client.next(({ type, event }) => type === 'event' && event.data.n === 3);
    expect(client.of('event').map(({ event }) => event.data.n)).toEqual([1, 3]);
    const replay = { type: 'replay', channel: room, event: 'acme.talk.happened' };
    const points = [
      { sequence: first.sequence },
      { eventId: first.eventId },
      { time: '2020-01-01T00:00:00Z' },
    ];
    for (const from of points) {
      client.heard.length = 0;
      expect(await client.ask({ ...replay, from })).toMatchObject({ type: 'replayed', count: 2, next: null });
      expect(client.of('event').map(({ event, replay: again }) => [event.data.n, again])).toEqual([
        [1, true],
        [3, true],
      ]);
    }
    const page = await client.ask({ ...replay, from: { sequence: 1 }, limit: 1 });
    expect(page.count).toBe(1);
    expect(await client.ask({ ...replay, from: { sequence: page.next } })).toMatchObject({ count: 1 });
    expect(await client.ask({ ...replay, event: 'extension.enabled', from: { sequence: 1 } })).toMatchObject({
      code: 'E_NOT_FOUND',
    });
  });

  it.each<[string, object, string]>([
    ['a channel there is not', { type: 'subscribe', channel: `${ID}/nowhere` }, 'E_NOT_FOUND'],
    ['what its handler is against', { type: 'subscribe', channel: room, params: 'closed' }, 'E_FORBIDDEN'],
    ['what is malformed', { type: 'subscribe', channel: '../etc' }, 'E_BAD_REQUEST'],
    ['what it does not know', { type: 'shout' }, 'E_BAD_REQUEST'],
    ['a message before it subscribed', { type: 'publish', channel: room, data: 1 }, 'E_STATE'],
  ])('refuse %s', async (_what, message, code) => {
    await using client = await open();
    expect(await client.ask(message)).toMatchObject({ type: 'error', code });
    expect((await client.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
  });

  it('show the reason of an extension, and nothing of its faults', async () => {
    await using client = await open();
    await client.ask({ type: 'subscribe', channel: room });
    expect(await client.ask({ type: 'subscribe', channel: room })).toMatchObject({ code: 'E_EXISTS' });
    const publish = { type: 'publish', channel: room };
    expect(await client.ask({ ...publish, data: 'rude' })).toMatchObject({
      code: 'TOO_RUDE',
      detail: 'be kind',
    });
    const broken = await client.ask({ ...publish, data: 'broken' });
    expect(broken.code).toBe('E_EXTENSION');
    expect(JSON.stringify(broken)).not.toContain('secret');
    expect((await client.ask({ type: 'unsubscribe', channel: room })).type).toBe('unsubscribed');
    expect(await client.ask({ ...publish, data: 1 })).toMatchObject({ code: 'E_STATE' });
  });

  it('are what the example chat is made of', async () => {
    await using example = await Author.create('example');
    await host.trust(example);
    const dir = join(host.dataDir, 'chat'); // packing writes into it
    await cp(join(ROOT_DIR, 'extensions/examples/chat'), dir, { recursive: true });
    const { file } = await packExtension(dir);
    const archive = await readFile(file);
    await host.run({ id: 'example/chat', version: '1.0.0', archive, bundle: await example.sign(archive) });
    await using client = await open();
    const channel = 'example/chat/room';
    await client.ask({ type: 'subscribe', channel });
    expect((await client.ask({ type: 'publish', channel, data: ' hello ' })).result).toEqual({ sequence: 1 });
    expect((await client.next(({ type }) => type === 'message')).data).toEqual({
      from: 'admin',
      text: 'hello',
    });
    expect(await client.ask({ type: 'publish', channel, data: 7 })).toMatchObject({ code: 'NOT_TEXT' });
    const announced = await host.ask('POST', '/x/example/chat/announcements', { body: 'lunch' });
    expect(announced.body).toEqual({ sequence: 2, there: 1 });
  });

  it('hear no word from a token that is for reading only', async () => {
    const narrowed = { name: 'reader', role: 'user', readOnly: true };
    const { token } = (await host.ask('POST', '/v1/tokens', { body: narrowed })).body;
    await using reader = await open({ token });
    expect((await reader.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
    expect(await reader.ask({ type: 'publish', channel: room, data: 1 })).toMatchObject({
      code: 'E_FORBIDDEN',
    });
  });

  it('are counted at /metrics, and no use to plain HTTP', async () => {
    const { status, body } = await host.ask('GET', '/ws');
    expect([status, body.code]).toEqual([426, 'E_UPGRADE']);
    expect((await host.ask('GET', '/metrics')).body).toMatch(/magflock_ws_connections \d/);
  });
});
