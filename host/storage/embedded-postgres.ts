import { rmdir } from 'node:fs/promises';
import { setInterval } from 'node:timers/promises';
import type { Logger } from '../../kernel/ports.ts';
import { serverAccount } from './embedded-account.ts';
import { loadPostgresBinaries } from './embedded-binaries.ts';
import { clusterPassword, clusterPaths, createCluster, prepareFolders } from './embedded-cluster.ts';
import { isServerThere, type ServerOptions, startServer, stopServer } from './embedded-server.ts';

/** How often it is looked whether the server is there. */
const WATCH_MS = 1_000;

/** A Postgres of the host's own. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** `postgresql://…`, over a Unix socket. Carries the password. */
  readonly url: string;
  /** It ran already when this host started: the host before was killed. */
  readonly adopted: boolean;
  /**
   * Idempotent. Leaves an adopted server alone while another host holds the host lock on it, so release the
   * own one first.
   */
  stop(): Promise<void>;
}

/**
 * Starts the Postgres that came with `npm ci` on `<dataDir>/postgres`, creating its cluster the first time.
 * A server that a killed host left running is adopted; a stale pid file is no obstacle. As root, Postgres
 * runs as the account `postgres` or `magflock-pg`, which must be able to reach the data folder.
 * A server that dies while the host runs is started again; what fails meanwhile is `E_STORAGE`.
 * @param options.durable `false` trades safety for speed, for tests: nothing is synced to disk. Default true.
 * @throws `E_CONFIG` when the folder, its password or the account is unusable; `E_STORAGE` otherwise
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  logger: Logger;
  durable?: boolean;
}): Promise<EmbeddedPostgres> {
  const { logger, durable = true } = options;
  const paths = clusterPaths(options.dataDir);
  // Whoever still runs keeps its socket in there, and the folder with it.
  const removeSockets = () => rmdir(paths.sockets).catch(() => {});
  const [binaries, account] = await Promise.all([loadPostgresBinaries(), serverAccount()]);
  const { setup, server } = await start().catch(async (error: unknown) => {
    await removeSockets();
    throw error;
  });
  if (server.adopted) logger.info({}, 'adopted the embedded Postgres that was running');

  const unwatch = keepAlive(setup);
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= unwatch()
      .then(() => stopServer(setup, server))
      .then(removeSockets, (error: unknown) => {
        stopped = null;
        throw error;
      });
    return stopped;
  };
  return { url: server.url, adopted: server.adopted, stop, [Symbol.asyncDispose]: stop };

  async function start() {
    await prepareFolders(paths, account);
    const password = await clusterPassword(paths);
    const ready = { paths, account, binaries, password, durable, logger };
    await createCluster(ready);
    return { setup: ready, server: await startServer(ready) };
  }
}

/**
 * Starts the server again whenever it is gone. Processes that it left behind may keep it from starting for a
 * moment: it is tried until it does.
 * @returns ends the watch; resolves when nothing is being started any more
 */
function keepAlive(setup: ServerOptions): () => Promise<void> {
  const closing = new AbortController();
  const watching = (async () => {
    for await (const _ of setInterval(WATCH_MS, undefined, { signal: closing.signal, ref: false })) {
      if (await isServerThere(setup.paths)) continue;
      setup.logger.error({}, 'the embedded Postgres is gone; it is started again');
      await startServer(setup).catch(() => {}); // it has said why
    }
  })().catch(() => {}); // aborted
  return async () => {
    closing.abort();
    await watching;
  };
}
