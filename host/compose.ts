import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { createFilesAdapter } from '../adapters/files/index.ts';
import { createMagdsAdapter } from '../adapters/magds/index.ts';
import { createMaggateAdapter } from '../adapters/maggate/index.ts';
import { createNetworkAdapter } from '../adapters/network/index.ts';
import { MagError } from '../kernel/errors.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { Sandbox } from '../kernel/sandbox/cell.ts';
import { createSandbox, type JailLayer } from '../kernel/sandbox/index.ts';
import type { SandboxOptions } from '../kernel/sandbox/sandbox.ts';
import { HOST_VERSION } from '../kernel/version.ts';
import { ensureAdminToken } from './admin-token.ts';
import { createAlertWebhook } from './alert-webhook.ts';
import type { HostInfo } from './api/services.ts';
import { buildAll } from './build/build-all.ts';
import { trustFirstParty } from './build/first-party.ts';
import { createGateway } from './components/maggate/gateway.ts';
import { type Config, redactConfig } from './config.ts';
import { startHousekeeping } from './housekeeping.ts';
import { readTrustPolicy } from './packaging/index.ts';
import { checkRuntimeFloors } from './runtime-floors.ts';
import { postgresDegradation } from './storage/postgres-version.ts';
import { createStores } from './storage/stores.ts';
import { openStorage, type StoragePlane } from './storage-plane.ts';
import { createTrustAdmin } from './trust-admin.ts';

/** A host that serves. */
export interface Host extends AsyncDisposable {
  /** `http://127.0.0.1:7070` */
  readonly url: string;
  /** The file that holds the token of the administrator. */
  readonly tokenFile: string;
}

/** The part that is another one in the host of the author tools (`host/cli/dev`). */
export interface Composition {
  readonly createSandbox: (options: SandboxOptions) => Sandbox;
}

/**
 * Builds the host from its parts and starts it. What was started is stopped again when a later part fails.
 * @throws `E_UNSAFE_RUNTIME`, `E_CONFIG`, `E_STORAGE`
 */
export async function startHost(
  config: Config,
  logger: FastifyBaseLogger,
  parts: Composition = { createSandbox },
): Promise<Host> {
  checkRuntimeFloors();
  await prepareDataFolder(config.dataDir);
  await requireFreePort(config);
  await using started = new AsyncDisposableStack();

  const storage = started.use(await openStorage(config, logger));
  const stores = createStores(storage.database, logger);
  started.defer(() => stores.close());
  started.defer(startHousekeeping(stores, logger));
  const { runnerPath } = await buildAll();
  const sandbox = started.use(parts.createSandbox({ runnerPath, logger }));
  await sandbox.check();
  const jail = await sandbox.jail();
  const magds = started.use(await createMagdsAdapter({ url: storage.database.url, logger }));
  const maggate = createMaggateAdapter();
  const network = started.use(createNetworkAdapter());
  const files = createFilesAdapter({ rootDir: join(config.dataDir, 'files'), logger });
  await trustFirstParty(config.dataDir);

  const kernel = new Kernel({
    stores,
    data: magds.data,
    files: files.files,
    sandbox,
    policy: () => readTrustPolicy(config.dataDir),
    logger,
    clock: { now: () => new Date() },
    alert: createAlertWebhook(config.alertWebhook, logger),
    ...(config.healthIntervalMs === null ? {} : { healthIntervalMs: config.healthIntervalMs }),
  });
  started.defer(() => kernel.stop());
  kernel.attach(magds);
  kernel.attach(maggate);
  kernel.attach(network);
  kernel.attach(files);
  await kernel.start();

  const gateway = await createGateway({
    operator: kernel.operator,
    endpoints: kernel,
    audit: kernel.audit,
    cells: () => kernel.cells(),
    stores,
    tokens: stores.tokens,
    trust: createTrustAdmin(config.dataDir),
    hostInfo: hostInfo(config, storage, jail.layers),
    logger,
    adapter: maggate,
  });
  started.defer(() => gateway.close()); // first to stop: requests end before what serves them
  const tokenFile = await ensureAdminToken(config.dataDir, stores.tokens);
  const url = await listen(gateway, config);

  const running = started.move();
  return { url, tokenFile, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function prepareDataFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new MagError('E_CONFIG', 'the data folder (MAG_DATA_DIR) cannot be created, read or written', {
      cause,
    });
  }
}

/** Asked before anything slow is started, so that a second host says at once what is wrong. */
async function requireFreePort({ host, port }: Config): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause) => reject(cannotListen(host, port, cause)));
    probe.listen({ host, port, exclusive: true }, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

async function listen(gateway: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    await gateway.listen({ host, port });
  } catch (cause) {
    throw cannotListen(host, port, cause);
  }
  const address = gateway.server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${shown}:${address.port}`;
}

function cannotListen(host: string, port: number, cause: unknown): MagError {
  const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
  const why = inUse
    ? 'is in use; set MAG_PORT to another one'
    : 'cannot be listened on; check MAG_HOST and MAG_PORT';
  return new MagError('E_CONFIG', `${host} port ${port} ${why}`, { cause });
}

function hostInfo(config: Config, storage: StoragePlane, jail: readonly JailLayer[]): () => HostInfo {
  const startedAt = new Date();
  const old = postgresDegradation(storage.database.versionNum);
  const missing = jail.filter(({ on }) => !on).map(({ name, detail }) => ({ name: `jail: ${name}`, detail }));
  const degradations = [...(old === null ? [] : [{ name: 'postgres', detail: old }]), ...missing];
  return () => ({
    name: 'magflock',
    version: HOST_VERSION,
    node: process.versions.node,
    startedAt,
    database: `${storage.kind}, PostgreSQL ${postgresVersion(storage.database.versionNum)}`,
    config: redactConfig(config),
    jail,
    degradations,
  });
}

/** `180004` is 18.4. */
function postgresVersion(versionNum: number): string {
  return `${Math.floor(versionNum / 10_000)}.${versionNum % 10_000}`;
}
