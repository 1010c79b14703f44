import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import { runAs, type ServerAccount } from './embedded-account.ts';
import type { PostgresBinaries } from './embedded-binaries.ts';

/** The superuser of the embedded server and the database of the host, by the same name. */
export const CLUSTER_USER = 'magflock';
/** A socket path has about 100 bytes on every platform, file name included. */
const MAX_SOCKET_DIR_BYTES = 80;

/** Where one embedded server keeps its things. */
export interface ClusterPaths {
  /** Belongs to the server's account; everything but `password` and `sockets` lies in it. */
  readonly root: string;
  readonly data: string;
  /** The cluster until initdb has finished: a crash in the middle leaves no half cluster behind. */
  readonly unfinished: string;
  readonly log: string;
  readonly password: string;
  readonly sockets: string;
}

export function clusterPaths(dataDir: string): ClusterPaths {
  const home = resolve(dataDir);
  const root = join(home, 'postgres');
  return {
    root,
    data: join(root, 'data'),
    unfinished: join(root, 'data.new'),
    log: join(root, 'server.log'),
    password: join(home, 'postgres.password'),
    sockets: socketFolder(home),
  };
}

function socketFolder(home: string): string {
  const name = `mag-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`;
  const preferred = join(tmpdir(), name);
  return Buffer.byteLength(preferred) <= MAX_SOCKET_DIR_BYTES ? preferred : join('/tmp', name);
}

/**
 * Makes the folders, gives the account what it must own and checks that it can reach it.
 * @throws `E_CONFIG`
 */
export async function prepareFolders(paths: ClusterPaths, account: ServerAccount | null): Promise<void> {
  try {
    await mkdir(paths.root, { recursive: true, mode: 0o711 });
    await ownedByServer(paths.root, account);
    await mkdir(paths.sockets, { recursive: true });
  } catch (cause) {
    throw new MagError('E_CONFIG', 'MAG_DATA_DIR: the data folder cannot be created or written.', { cause });
  }
  await claimSockets(paths.sockets, account);
  const reach = await runAs(account, '/bin/sh', ['-c', 'test -w "$0" && test -x "$0"', paths.root]);
  if (reach.code === 0) return;
  throw new MagError(
    'E_CONFIG',
    `MAG_DATA_DIR: the account ${account?.name ?? 'of the host'} that runs Postgres cannot reach the data folder; allow others to pass through its parent folders (chmod o+x), or set DATABASE_URL.`,
  );
}

async function ownedByServer(folder: string, account: ServerAccount | null): Promise<void> {
  if (account !== null) await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o700);
}

/** Anybody may create a folder in a shared /tmp: one that somebody else put there is not trusted. */
async function claimSockets(folder: string, account: ServerAccount | null): Promise<void> {
  const found = await lstat(folder);
  const own = process.getuid?.() ?? found.uid;
  if (!found.isDirectory() || (found.uid !== own && found.uid !== account?.uid)) {
    throw new MagError('E_CONFIG', 'The socket folder of Postgres in the temporary folder is not ours.');
  }
  await ownedByServer(folder, account);
}

/** The password of the superuser, made at the first start and kept with mode 0600. @throws `E_CONFIG` */
export async function clusterPassword(paths: ClusterPaths): Promise<string> {
  try {
    if (await exists(paths.password)) return (await readFile(paths.password, 'utf8')).trim();
    if (await exists(paths.data)) throw new Error('the cluster exists, its password does not');
    const password = randomBytes(24).toString('hex');
    // Renamed when it is complete: half a password would lock the host out of its own cluster.
    await writeFile(`${paths.password}.new`, `${password}\n`, { mode: 0o600 });
    await rename(`${paths.password}.new`, paths.password);
    return password;
  } catch (cause) {
    throw new MagError(
      'E_CONFIG',
      'MAG_DATA_DIR: postgres.password is missing, or cannot be read or written.',
      {
        cause,
      },
    );
  }
}

/** Runs initdb once. @throws `E_STORAGE` */
export async function createCluster(options: {
  paths: ClusterPaths;
  account: ServerAccount | null;
  binaries: PostgresBinaries;
  password: string;
  durable: boolean;
  logger: Logger;
}): Promise<void> {
  const { paths, account, logger } = options;
  if (await exists(join(paths.data, 'PG_VERSION'))) return;
  await rm(paths.unfinished, { recursive: true, force: true });
  const passwordFile = join(paths.root, 'initdb.password');
  try {
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    if (account !== null) await chown(passwordFile, account.uid, account.gid);
    const done = await runAs(account, options.binaries.initdb, initdbArguments(options, passwordFile));
    if (done.code !== 0) throw new Error(done.output);
    await rename(paths.unfinished, paths.data);
  } catch (cause) {
    logger.error({ err: cause }, 'initdb failed');
    throw new MagError('E_STORAGE', initdbComplaint(cause), { cause });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function initdbArguments(options: { paths: ClusterPaths; durable: boolean }, passwordFile: string): string[] {
  return [
    `--pgdata=${options.paths.unfinished}`,
    `--username=${CLUSTER_USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The built-in provider sorts and folds the same on every machine, whatever its C library knows.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(options.durable ? [] : ['--no-sync']),
  ];
}

function initdbComplaint(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'EACCES'
    ? 'The account that runs Postgres cannot execute the embedded Postgres: let others pass through the parent folders of node_modules, or set DATABASE_URL.'
    : 'The embedded Postgres could not create its cluster; the log of the host says why.';
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
