import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Author } from '../../../support/author.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { TestHost, until } from '../../../support/host.ts';
import { HostProcess } from '../../../support/host-process.ts';
import { WsClient } from '../../../support/ws-client.ts';
import { ROOM } from './room.ts';

const room = 'acme/talk/room';

describe('2,000 idle connections', () => {
  it('cost a host at most 300 MB', async () => {
    const database = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'magflock-idle-'));
    await chmod(dataDir, 0o711);
    const env = { MAG_DATA_DIR: dataDir, MAG_PORT: '0', DATABASE_URL: database.url };
    const host = new HostProcess(env);
    const clients: WsClient[] = [];
    try {
      const url = await host.ready();
      const token = await host.token();
      const before = await residentMb(host.pid);
      for (let n = 0; n < 2_000; n += 100) {
        const some = Array.from({ length: 100 }, () => WsClient.open(url, { token }));
        clients.push(...(await Promise.all(some)));
      }
      await clients.at(-1)?.ask({ type: 'shout' });
      const grown = (await residentMb(host.pid)) - before;
      process.stdout.write(`2,000 idle connections: the host grew by ${Math.round(grown)} MB\n`);
      expect(clients.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length).toBe(2_000);
      expect(grown).toBeLessThan(300);
    } finally {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
      await host.kill('SIGTERM');
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

/** What a process has in memory (proc(5), VmRSS). */
async function residentMb(pid: number): Promise<number> {
  const [, kib = ''] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kib) * 1_024) / 1e6;
}

describe('many connections', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start({ MAG_WS_SLOW_MS: '1000' }), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(ROOM));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  it('do not notice one of them that never reads', async () => {
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => WsClient.open(host.url, { token: host.token })),
    );
    await Promise.all(clients.map((client) => client.ask({ type: 'subscribe', channel: room })));
    const deaf = await WsClient.open(host.url, { token: host.token });
    await deaf.ask({ type: 'subscribe', channel: room });
    deaf.socket.pause();
    const before = process.memoryUsage().rss;
    const count = 300; // 9 MB: more than the kernel keeps for who does not read
    for (let n = 0; n < count; n++) {
      const { status } = await host.ask('POST', '/x/acme/talk/say', {
        body: { channel: 'room', data: { n, fill: 'x'.repeat(30_000) } },
      });
      expect(status).toBe(200);
      for (const client of clients) for (const { data } of client.heard) if (data?.fill) data.fill = '';
    }
    const all = (client: WsClient) => client.of('message').map(({ data }) => data.n);
    await until(
      async () => clients.filter((client) => all(client).length < count).length,
      (waiting) => waiting === 0,
    );
    for (const client of clients) expect(all(client)).toEqual(Array.from({ length: count }, (_, n) => n));
    await until(
      async () => String((await host.ask('GET', '/metrics')).body),
      (text) => text.includes('magflock_ws_closed{code="4408"} 1'),
    );
    process.stdout.write(
      `slow client: the process grew by ${Math.round((process.memoryUsage().rss - before) / 2 ** 20)} MiB\n`,
    );
    await Promise.all([deaf, ...clients].map((client) => client[Symbol.asyncDispose]()));
  });

  it('are resynchronised when they read again in time', async () => {
    await using client = await WsClient.open(host.url, { token: host.token });
    await client.ask({ type: 'subscribe', channel: room });
    client.socket.pause();
    const say = (n: number) =>
      host.ask('POST', '/x/acme/talk/say', {
        body: { channel: 'room', data: { n, fill: 'x'.repeat(60_000) } },
      });
    for (let n = 0; n < 200; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => say(n + i)));
    client.socket.resume();
    const outcome = await Promise.race([
      client.next(({ type }) => type === 'resync').then(({ after }) => after as number),
      client.closed.then(({ code }) => code),
    ]);
    if (outcome === 4408) return; // a busy machine: it was too slow for both
    const [last] = client
      .of('message')
      .filter(({ sequence }) => sequence <= outcome)
      .slice(-1);
    expect(last.sequence).toBe(outcome);
    const { messages } = await client.ask({ type: 'history', channel: room, after: outcome });
    expect(messages.length).toBeGreaterThan(0);
  });
});
