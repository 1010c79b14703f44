import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import { ADVISORY_LOCKS } from './advisory-locks.ts';
import { sqlStateOf } from './database-errors.ts';
import { runAs, type ServerAccount } from './embedded-account.ts';
import type { PostgresBinaries } from './embedded-binaries.ts';
import { CLUSTER_USER, type ClusterPaths } from './embedded-cluster.ts';

const START_TIMEOUT_S = 60;
const STOP_TIMEOUT_S = 30;
const WRONG_PASSWORD = '28P01';

export interface ServerOptions {
  readonly paths: ClusterPaths;
  readonly account: ServerAccount | null;
  readonly binaries: PostgresBinaries;
  readonly password: string;
  readonly durable: boolean;
  readonly logger: Logger;
}

export interface RunningServer {
  /** Of the database of the host. */
  readonly url: string;
  /** It ran already: a host before this one did not get to stop it. */
  readonly adopted: boolean;
}

/** Starts the server, or adopts the one that a killed host left running. @throws `E_STORAGE`, `E_CONFIG` */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const running = await adopt(options);
  if (running !== null) return running;
  const started = await runAs(options.account, options.binaries.pgCtl, startArguments(options));
  if (started.code === 0) {
    const server = { url: serverUrl(options, options.paths.sockets), adopted: false };
    await ensureDatabase(server.url).catch(async (error: unknown) => {
      await stopServer(options, server);
      throw error;
    });
    return server;
  }
  // Two hosts started at once: the other one won.
  const other = await adopt(options);
  if (other !== null) return other;
  const log = await readFile(options.paths.log, 'utf8').catch(() => '');
  options.logger.error({ output: started.output, log: log.slice(-4_000) }, 'embedded Postgres did not start');
  throw new MagError('E_STORAGE', 'The embedded Postgres did not start; the log of the host says why.');
}

/** Stops the server; one that is gone already is no error. @throws `E_STORAGE` */
export async function stopServer(options: ServerOptions, server: RunningServer): Promise<void> {
  if (server.adopted && (await heldByAnotherHost(server.url))) return;
  for (const mode of ['fast', 'immediate']) {
    const args = ['stop', '-w', `-t${STOP_TIMEOUT_S}`, '-m', mode, '-D', options.paths.data];
    const stopped = await runAs(options.account, options.binaries.pgCtl, args);
    if (stopped.code === 0 || (await postmaster(options.paths)) === null) return;
    options.logger.warn({ mode, output: stopped.output }, 'embedded Postgres does not stop');
  }
  throw new MagError('E_STORAGE', 'The embedded Postgres does not stop.');
}

function startArguments(options: ServerOptions): string[] {
  const settings: Record<string, string> = {
    // No port: nothing to collide with, and nothing to reach from outside.
    listen_addresses: '',
    unix_socket_directories: options.paths.sockets,
    unix_socket_permissions: '0700',
    max_connections: '200',
    ...(options.durable
      ? {
          logging_collector: 'on',
          log_directory: 'log',
          log_filename: 'postgres-%a.log',
          log_truncate_on_rotation: 'on',
        }
      : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  };
  const given = Object.entries(settings).map(([name, value]) => `-c ${shellQuoted(`${name}=${value}`)}`);
  const { data, log } = options.paths;
  return ['start', '-w', `-t${START_TIMEOUT_S}`, '-D', data, '-l', log, '-o', given.join(' ')];
}

/** pg_ctl hands its -o to a shell. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function adopt(options: ServerOptions): Promise<RunningServer | null> {
  const deadline = Date.now() + START_TIMEOUT_S * 1_000;
  for (;;) {
    const found = await postmaster(options.paths);
    if (found === null) return null;
    const url = serverUrl(options, found.sockets);
    if (await answers(url)) {
      await ensureDatabase(url);
      return { url, adopted: true };
    }
    if (Date.now() > deadline) {
      throw new MagError('E_STORAGE', 'An embedded Postgres runs on this data folder but does not answer.');
    }
    await sleep(100);
  }
}

/** Whether the server of this cluster is there, answering or not. */
export async function isServerThere(paths: ClusterPaths): Promise<boolean> {
  return (await postmaster(paths)) !== null;
}

/** The live server of this cluster. A pid file whose process is something else by now is removed. */
async function postmaster(paths: ClusterPaths): Promise<{ sockets: string } | null> {
  const file = join(paths.data, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !(await isPostmasterOf(pid, paths.data))) {
    // Postgres itself cannot tell a reused pid from a live server, and would refuse to start.
    await rm(file, { force: true });
    return null;
  }
  return { sockets: lines[4]?.trim() || paths.sockets };
}

async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  if (process.platform !== 'linux') return true;
  // A postmaster works in its data folder.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null);
  return folder === (await realpath(data));
}

function serverUrl(options: ServerOptions, sockets: string, database = CLUSTER_USER): string {
  return `postgresql://${CLUSTER_USER}:${options.password}@${encodeURIComponent(sockets)}/${database}`;
}

async function answers(url: string): Promise<boolean> {
  try {
    await withClient(url, 'postgres', (client) => client.query('SELECT 1'));
    return true;
  } catch (error) {
    if (sqlStateOf(error) === WRONG_PASSWORD) throw wrongPassword(error);
    return false;
  }
}

function wrongPassword(cause: unknown): MagError {
  return new MagError('E_CONFIG', 'MAG_DATA_DIR: postgres.password is not the password of its cluster.', {
    cause,
  });
}

async function ensureDatabase(url: string): Promise<void> {
  try {
    await withClient(url, 'postgres', async (client) => {
      const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [CLUSTER_USER]);
      if (found.rowCount === 0) await client.query(`CREATE DATABASE ${CLUSTER_USER}`);
    });
  } catch (cause) {
    if (sqlStateOf(cause) === WRONG_PASSWORD) throw wrongPassword(cause);
    throw new MagError('E_STORAGE', 'The embedded Postgres started but does not serve.', { cause });
  }
}

/** True while some host holds its lock on this server: stopping it would take its database away. */
async function heldByAnotherHost(url: string): Promise<boolean> {
  return withClient(url, CLUSTER_USER, async (client) => {
    const free = await client.query<{ free: boolean }>('SELECT pg_try_advisory_lock($1) AS free', [
      ADVISORY_LOCKS.host,
    ]);
    return free.rows[0]?.free !== true;
  }).catch(() => false);
}

async function withClient<T>(
  url: string,
  database: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const address = new URL(url);
  address.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: address.href, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}
