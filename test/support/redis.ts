import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { freePort } from '../../host/free-ports.ts';
import { until } from './host.ts';

const SHARED_PORT = 6379;
/** One that programs on a machine of developers seldom use. */
const DATABASE = 9;

/** A real Redis, behind a door that a test can shut: the keys of one test file, below a prefix of its own. */
export interface TestRedis extends AsyncDisposable {
  /** What a host is told. */
  readonly url: string;
  readonly prefix: string;
  /** For a look behind the back of the host: any command. */
  send(...command: string[]): Promise<unknown>;
  /** Ends all connections, and takes no new ones. */
  shut(): void;
  /** Takes connections and bytes, and never answers. */
  stall(): void;
  open(): void;
}

/** The one on this machine, else one of its own; `null`, and a line that says so, when there is neither. */
export async function startRedis(): Promise<TestRedis | null> {
  const server = (await answers(SHARED_PORT)) ? null : await startServer();
  if (server === 'missing') {
    console.warn('skipped: no Redis answers at 127.0.0.1:6379, and there is no redis-server to start');
    return null;
  }
  const port = server?.port ?? SHARED_PORT;
  const door = await openDoor(port);
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const client = createClient({ url: `redis://127.0.0.1:${port}/${DATABASE}`, RESP: 2 });
  await client.connect();
  return {
    url: `redis://127.0.0.1:${door.port}/${DATABASE}`,
    prefix,
    send: (...command) => client.sendCommand(command),
    shut: () => door.set('shut'),
    stall: () => door.set('stalled'),
    open: () => door.set('open'),
    async [Symbol.asyncDispose]() {
      door.set('shut');
      await door.close();
      for (const key of (await client.sendCommand(['KEYS', `${prefix}:*`])) as unknown as string[])
        await client.sendCommand(['DEL', key]);
      await client.close();
      await server?.stop();
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data');
    return String(answer).startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function startServer(): Promise<{ port: number; stop(): Promise<void> } | 'missing'> {
  const folder = await mkdtemp(join(tmpdir(), 'magflock-redis-'));
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn('redis-server', settings, { stdio: 'ignore' });
  const isMissing = await Promise.race([
    once(child, 'error').then(() => true),
    once(child, 'spawn').then(() => false),
  ]);
  const stop = async () => {
    if (!isMissing && child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  if (isMissing) {
    await stop();
    return 'missing';
  }
  await until(
    () => answers(port),
    (up) => up,
  );
  return { port, stop };
}

type Position = 'open' | 'stalled' | 'shut';

async function openDoor(port: number) {
  let position: Position = 'open';
  const inside = new Set<Socket>();
  const door: Server = createServer((client) => {
    inside.add(client);
    client.on('close', () => inside.delete(client)).on('error', () => client.destroy());
    if (position === 'shut') return void client.destroy();
    const server = connect(port, '127.0.0.1');
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => server.destroy());
    client.on('data', (bytes) => position === 'open' && server.write(bytes));
    server.on('data', (bytes) => position === 'open' && client.write(bytes));
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  return {
    port: (door.address() as { port: number }).port,
    set(wanted: Position) {
      position = wanted;
      if (wanted === 'shut') for (const client of inside) client.destroy();
    },
    async close() {
      for (const client of inside) client.destroy();
      door.close();
    },
  };
}
