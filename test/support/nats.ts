import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort, freePorts } from '../../host/free-ports.ts';
import { until } from './host.ts';

const DEFAULT_URL = 'nats://127.0.0.1:4222';
/** Debian puts it where the PATH of an account does not lead. */
const SEARCHED = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`;

/** A NATS server with JetStream for one test file. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
}

/** The one at `NATS_TEST_URL` or at the usual port, or one started for it; `null`, and a line on why: there is none. */
export async function natsServer(): Promise<NatsServer | null> {
  const url = process.env.NATS_TEST_URL ?? DEFAULT_URL;
  if (await answers(url)) return { url, [Symbol.asyncDispose]: async () => {} };
  return ownNatsServer();
}

/** One that may be killed. */
export async function ownNatsServer(settings = '', port?: number): Promise<OwnNatsServer | null> {
  const server = await OwnNatsServer.start(settings, port ?? (await freePort()));
  if (server === null) process.stderr.write('skipped: no NATS server answers, and there is no nats-server\n');
  return server;
}

export class OwnNatsServer implements NatsServer {
  readonly url: string;
  readonly #folder: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, folder: string) {
    this.url = `nats://127.0.0.1:${port}`;
    this.#folder = folder;
  }

  static async start(settings: string, port: number): Promise<OwnNatsServer | null> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-nats-'));
    const server = new OwnNatsServer(port, folder);
    // Also when the port was taken meanwhile.
    await using stack = new AsyncDisposableStack();
    stack.use(server);
    const jetstream = settings.includes('jetstream') ? '' : `jetstream { store_dir: "${folder}" }`;
    await writeFile(join(folder, 'nats.conf'), `listen: "127.0.0.1:${port}"\n${jetstream}\n${settings}\n`);
    if (!(await server.boot())) return null;
    stack.move();
    return server;
  }

  /** Starts it, again after `kill`, on what it left. False: there is no such program. */
  async boot(): Promise<boolean> {
    const child = spawn('nats-server', ['-c', join(this.#folder, 'nats.conf')], {
      env: { PATH: SEARCHED },
      stdio: 'ignore',
    });
    this.#process = child;
    const started = await new Promise((resolve) => {
      child.once('spawn', () => resolve(true));
      child.once('error', () => resolve(false));
    });
    if (started !== true) return false;
    await until(
      () => listens(this.url),
      (ready) => ready || child.exitCode !== null,
    );
    if (child.exitCode !== null) throw new Error('nats-server did not start');
    return true;
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Three that are one. */
export interface NatsCluster extends NatsServer {
  readonly servers: readonly OwnNatsServer[];
  /** The servers that have not all of a stream. Rejects while nobody leads it. */
  lagging(stream: string): Promise<string[]>;
}

/** `null`, and a line on why: there is no such program. */
export async function natsCluster(): Promise<NatsCluster | null> {
  const ports = await freePorts(6);
  const routes = ports.slice(3);
  const list = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  await using started = new AsyncDisposableStack();
  const servers: OwnNatsServer[] = [];
  for (const [index, route] of routes.entries()) {
    const cluster = `cluster { name: test, listen: "127.0.0.1:${route}", routes: [${list}] }`;
    const server = await ownNatsServer(`server_name: "at-${route}"\n${cluster}`, ports[index]);
    if (server === null) return null;
    servers.push(started.use(server));
  }
  const running = started.move();
  const url = servers.map((server) => server.url).join(',');
  return {
    url,
    servers,
    lagging: (stream) => laggingReplicas(url, stream),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function laggingReplicas(url: string, stream: string): Promise<string[]> {
  const connection = await connect({ servers: url, timeout: 2_000, reconnect: false });
  try {
    const { cluster } = await (await jetstreamManager(connection)).streams.info(stream);
    return (cluster?.replicas ?? []).filter(({ current }) => !current).map(({ name }) => name);
  } finally {
    await connection.close();
  }
}

/** A name no other test file has, for a stream and its subjects. */
export function streamOfItsOwn(): { stream: string; prefix: string } {
  const name = randomBytes(6).toString('hex');
  return { stream: `MAG_TEST_${name}`, prefix: `magtest.${name}` };
}

export async function removeStream(url: string, stream: string): Promise<void> {
  const connection = await connect({ servers: url });
  await (await jetstreamManager(connection)).streams.delete(stream);
  await connection.close();
}

async function answers(url: string): Promise<boolean> {
  try {
    const connection = await connect({ servers: url, timeout: 2_000, reconnect: false });
    const usable = connection.info?.jetstream === true;
    await connection.close();
    return usable;
  } catch {
    return false;
  }
}

async function listens(url: string): Promise<boolean> {
  try {
    await (await connect({ servers: url, timeout: 2_000, reconnect: false, token: 'unknown' })).close();
    return true;
  } catch (failure) {
    return failure instanceof Error && failure.name === 'AuthorizationError';
  }
}
