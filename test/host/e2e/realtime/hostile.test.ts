import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { TestHost, until } from '../../../support/host.ts';
import { type ClientOptions, WsClient } from '../../../support/ws-client.ts';
import { ROOM } from './room.ts';

const room = 'acme/talk/room';

/** A client that writes whatever it likes: frames are masked with zeros, which leaves the payload as it is. */
class RawClient {
  readonly socket: Socket;
  readonly code: Promise<number>;

  private constructor(socket: Socket) {
    this.socket = socket;
    let received = Buffer.alloc(0);
    this.code = new Promise((resolve) => {
      socket.on('data', (data) => {
        received = Buffer.concat([received, data]);
        const code = closeCodeIn(received);
        if (code !== null) resolve(code);
      });
      socket.on('close', () => resolve(1006));
      socket.on('error', () => {});
    });
  }

  static async open(host: TestHost): Promise<RawClient> {
    const { hostname, port } = new URL(host.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /ws HTTP/1.1\r\nhost: ${hostname}:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n` +
        `authorization: Bearer ${host.token}\r\n\r\n`,
    );
    await new Promise<void>((resolve) => {
      socket.on('data', function opened(data) {
        if (!data.includes('\r\n\r\n')) return;
        socket.off('data', opened);
        resolve();
      });
    });
    return new RawClient(socket);
  }

  frame(first: number, payload: Buffer): void {
    const size =
      payload.length < 126
        ? Buffer.from([0x80 | payload.length])
        : Buffer.concat([Buffer.from([0x80 | 127]), sizeOf(payload.length)]);
    this.socket.write(Buffer.concat([Buffer.from([first]), size, Buffer.alloc(4), payload]));
  }
}

function sizeOf(bytes: number): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(bytes));
  return size;
}

/** Of the first close frame among the frames of the server, which are not masked. */
function closeCodeIn(data: Buffer): number | null {
  for (let at = 0; at + 2 <= data.length; ) {
    const short = (data[at + 1] ?? 0) & 0x7f;
    const [head, size] =
      short < 126
        ? [2, short]
        : short === 126
          ? [4, data.readUInt16BE(at + 2)]
          : [10, Number(data.readBigUInt64BE(at + 2))];
    if (((data[at] ?? 0) & 0x0f) === 8 && at + head + 2 <= data.length) return data.readUInt16BE(at + head);
    at += head + size;
  }
  return null;
}

describe('a client that means no good', () => {
  let host: TestHost;
  let author: Author;
  /** Who must notice nothing. */
  let neighbour: WsClient;

  beforeAll(async () => {
    [host, author] = await Promise.all([
      TestHost.start({ MAG_WS_PER_PRINCIPAL: '40' }),
      Author.create('acme'),
    ]);
    await host.trust(author);
    await host.run(await author.publish(ROOM));
    neighbour = await WsClient.open(host.url, { token: host.token });
    await neighbour.ask({ type: 'subscribe', channel: room });
  });
  afterAll(async () => {
    await neighbour[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const undisturbed = async () => {
    const said = Math.random();
    expect((await neighbour.ask({ type: 'publish', channel: room, data: said })).type).toBe('published');
    await neighbour.next(({ data }) => data?.data === said);
  };

  it.each<[string, number, (client: RawClient) => void]>([
    ['sends a huge message', 1009, (client) => client.frame(0x81, Buffer.alloc(131_073, 'x'))],
    [
      'says that a message will be huge',
      1009,
      (client) => client.socket.write(Buffer.concat([Buffer.from([0x81, 0xff]), sizeOf(2 ** 40)])),
    ],
    [
      'sends a huge message in fragments',
      1009,
      (client) => {
        client.frame(0x01, Buffer.alloc(60_000, 'x'));
        for (let n = 0; n < 3; n++) client.frame(0x00, Buffer.alloc(60_000, 'x'));
      },
    ],
    [
      'sends endless fragments of nothing',
      1008,
      (client) => {
        client.frame(0x01, Buffer.from('x'));
        for (let n = 0; n < 2_000; n++) client.frame(0x00, Buffer.alloc(0));
      },
    ],
    ['sends text that is no UTF-8', 1007, (client) => client.frame(0x81, Buffer.from([0xc3, 0x28]))],
    ['sends reserved bits', 1002, (client) => client.frame(0xf1, Buffer.from('{}'))],
    ['sends an unknown opcode', 1002, (client) => client.frame(0x83, Buffer.from('{}'))],
    [
      'sends a frame without a mask',
      1002,
      (client) => client.socket.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d])),
    ],
    ['sends bytes', 1003, (client) => client.frame(0x82, Buffer.from('{}'))],
    ['sends no JSON', 1007, (client) => client.frame(0x81, Buffer.from('{'))],
    ['sends JSON without a bottom', 1007, (client) => client.frame(0x81, Buffer.from('['.repeat(60_000)))],
    [
      'floods with pings',
      4429,
      (client) => {
        for (let n = 0; n < 5_000; n++) client.frame(0x89, Buffer.alloc(100));
      },
    ],
    [
      'floods with pongs',
      4429,
      (client) => {
        for (let n = 0; n < 5_000; n++) client.frame(0x8a, Buffer.alloc(0));
      },
    ],
    [
      'asks for 100,000 subscriptions',
      4429,
      (client) => {
        for (let n = 0; n < 100_000; n++)
          client.frame(0x81, Buffer.from(JSON.stringify({ type: 'subscribe', channel: `acme/talk/r${n}` })));
      },
    ],
  ])('that %s is closed with %i', async (_what, code, attack) => {
    const client = await RawClient.open(host);
    attack(client);
    expect(await client.code).toBe(code);
    client.socket.destroy();
    await undisturbed();
  });

  it.each<[string, number, (token: string) => ClientOptions]>([
    [
      'comes from a page of another origin',
      4403,
      (token) => ({ token, headers: { origin: 'https://evil.example' } }),
    ],
    ['comes from an origin that is none', 4403, (token) => ({ token, headers: { origin: 'null' } })],
    ['has a token that is none', 4401, () => ({ token: 'mag_0123456789abcdef_guess' })],
    [
      'names a tenant that is not its own',
      4403,
      (token) => ({ token, headers: { 'x-tenant-id': 't_acme' } }),
    ],
    [
      'names a tenant that is not its own in the address',
      4403,
      (token) => ({ token, query: '?tenant=t_acme' }),
    ],
    ['names a tenant that is none', 4400, (token) => ({ token, headers: { 'x-tenant-id': 'Acme' } })],
  ])('that %s is closed with %i', async (_what, code, options) => {
    await using client = new WsClient(host.url, options(host.token));
    expect((await client.closed).code).toBe(code);
    await undisturbed();
  });

  it('is closed when its token expires, or is revoked', async () => {
    const make = async (more: object) =>
      (await host.ask('POST', '/v1/tokens', { body: { name: 'short', role: 'user', ...more } })).body;
    const short = await make({ expiresAt: new Date(Date.now() + 5_000).toISOString() });
    await using expiring = await WsClient.open(host.url, { token: short.token });
    expect((await expiring.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
    expect((await expiring.closed).code).toBe(4401);
    await using late = new WsClient(host.url, { token: short.token });
    expect((await late.closed).code).toBe(4401);
    const { id, token } = await make({});
    await using revoked = await WsClient.open(host.url, { token });
    expect((await revoked.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
    await host.ask('DELETE', `/v1/tokens/${id}`);
    expect((await revoked.closed).code).toBe(4401);
    await undisturbed();
  });

  it('opens no more connections than a principal may have', async () => {
    const clients = await Promise.all(
      Array.from({ length: 60 }, () => WsClient.open(host.url, { token: host.token })),
    );
    const codes = await Promise.all(
      clients.map((client) =>
        Promise.race([
          client.closed.then(({ code }) => code),
          client.ask({ type: 'shout' }).then(
            () => 0,
            async () => (await client.closed).code,
          ),
        ]),
      ),
    );
    expect(codes.filter((code) => code === 0).length).toBeLessThan(40);
    expect(new Set(codes)).toEqual(new Set([0, 4429]));
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await until(
      async () => String((await host.ask('GET', '/metrics')).body),
      (text) => text.includes('magflock_ws_connections 1\n'),
    );
    await undisturbed();
  });

  it('is no reason to answer another page than that of the host', async () => {
    const { host: own } = new URL(host.url);
    await using page = await WsClient.open(host.url, {
      token: host.token,
      headers: { origin: `http://${own}` },
    });
    expect((await page.ask({ type: 'subscribe', channel: room })).type).toBe('subscribed');
  });
});
