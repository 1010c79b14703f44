import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { createFilesAdapter, Mounts } from '../adapters/files/index.ts';
import { createJobsAdapter } from '../adapters/jobs/index.ts';
import { createKeysAdapter } from '../adapters/keys/index.ts';
import { createMagauthAdapter } from '../adapters/magauth/index.ts';
import { createMagcliAdapter } from '../adapters/magcli/index.ts';
import { createMagdsAdapter } from '../adapters/magds/index.ts';
import { createMaggateAdapter } from '../adapters/maggate/index.ts';
import { createMaguiAdapter } from '../adapters/magui/index.ts';
import { createMagwsAdapter } from '../adapters/magws/index.ts';
import { createMetricsAdapter } from '../adapters/metrics/index.ts';
import { createNetworkAdapter } from '../adapters/network/index.ts';
import { createSecretsAdapter } from '../adapters/secrets/index.ts';
import { createStoresAdapter } from '../adapters/stores/index.ts';
import { MagError } from '../kernel/errors.ts';
import { Kernel } from '../kernel/kernel.ts';
import { makeFolder } from '../kernel/make-folder.ts';
import type { Audit } from '../kernel/operator.ts';
import type { Sandbox } from '../kernel/sandbox/cell.ts';
import { createSandbox } from '../kernel/sandbox/index.ts';
import type { SandboxOptions } from '../kernel/sandbox/sandbox.ts';
import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import { ensureAdminToken } from './admin-token.ts';
import { createAlertWebhook } from './alert-webhook.ts';
import { buildAll } from './build/build-all.ts';
import { trustFirstParty } from './build/first-party.ts';
import { createJobs } from './components/jobs/jobs.ts';
import { createMagauth } from './components/magauth/magauth.ts';
import { createProviderFetch } from './components/magauth/provider-fetch.ts';
import { createMagcli } from './components/magcli/magcli.ts';
import { createMagds } from './components/magds/magds.ts';
import { createGateway } from './components/maggate/gateway.ts';
import { consoleHooks, createMagui } from './components/magui/magui.ts';
import { runningPackages } from './components/magui/running-packages.ts';
import { createRealtime } from './components/magws/magws.ts';
import { type Config, environment } from './config.ts';
import { openEvents } from './event-plane.ts';
import { hostInfo, whyNoBackups } from './host-info.ts';
import { startHousekeeping } from './housekeeping.ts';
import { describeJail, warnOfMissing } from './jail-report.ts';
import { listen, listenMutually, requireFreePorts } from './listen.ts';
import { createMutualTls } from './mutual-tls.ts';
import { preinstall } from './preinstall.ts';
import { redactedLogs } from './redacted-logs.ts';
import { createRegistryDesk } from './registries/registry-desk.ts';
import { checkRuntimeFloors } from './runtime-floors.ts';
import { createSecretAdmin, wantedSecrets } from './secret-admin.ts';
import { createBackupStore } from './storage/backup-store.ts';
import { createBuiltInStore } from './storage/built-in-store.ts';
import { createExtensionSide } from './storage/extension-side.ts';
import { admitted } from './storage/fencing.ts';
import { createJobEngine, migrateJobEngine } from './storage/job-engine.ts';
import { createProjectStore } from './storage/project-store.ts';
import { createSecretBackendStore } from './storage/secret-backend-store.ts';
import { createSecretMappingStore } from './storage/secret-mapping-store.ts';
import { createStoreRecords } from './storage/store-records.ts';
import { createStores } from './storage/stores.ts';
import { openStorage } from './storage-plane.ts';
import { createStoreDesk } from './store-desk.ts';
import { readTrustPolicy } from './trust/policy-file.ts';
import { createRevocationLists } from './trust/revocation-lists.ts';
import { createTrustAdmin } from './trust/trust-admin.ts';
import { webhookSecrets } from './webhook-secrets.ts';

/** A host that serves. */
export interface Host extends AsyncDisposable {
  /** `http://127.0.0.1:7070` */
  readonly url: string;
  /** `https://127.0.0.1:7443`; `null`: it has no mutual-TLS listener. */
  readonly mutualTlsUrl: string | null;
  /** The file that holds the token of the administrator. */
  readonly tokenFile: string;
  /** Resolves when another host took over from this one: its cells have ended, and so must the process. */
  readonly fenced: Promise<MagError>;
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
  const mutualTls = createMutualTls(config);
  const mounts = await Mounts.open(config.mounts);
  await requireFreePorts(config);
  await using started = new AsyncDisposableStack();

  const storage = started.use(await openStorage(config, logger));
  const events = await openEvents(config, logger);
  const vaults = createSecretBackendStore(storage.database);
  const secrets = createSecretsAdapter({
    rootDir: join(config.dataDir, 'secrets'),
    environment: config.secrets,
    logger,
    mappings: createSecretMappingStore(storage.database),
    connections: vaults,
    wanted: () => wantedSecrets(kernel.operator),
    record: (extension, name) => recordSecret(kernel.audit, extension, name),
    recordChange: (record) => kernel.audit.record({ ...record, tenant: 't_system' }),
  });
  const all = createStores(storage.database, logger, events ?? undefined);
  const cleanerFor = (id: ExtensionId) => secrets.redactor(id);
  const stores = { ...all, logs: redactedLogs(all.logs, cleanerFor) };
  started.defer(() => stores.close());
  started.defer(startHousekeeping(stores, logger));
  const { runnerPath } = await buildAll();
  const sandbox = started.use(parts.createSandbox({ runnerPath, logger, spareCells: config.spareCells }));
  const jail = describeJail(await sandbox.jail());
  warnOfMissing(jail, logger);
  await sandbox.check();
  const magds = started.use(
    await createMagdsAdapter({
      url: storage.database.url,
      logger,
      session: admitted(storage.database.hostId),
      side: createExtensionSide({ logId: events?.logId ?? null }),
    }),
  );
  const toolSearch = { folder: config.pgBin, path: environment().PATH ?? '' };
  const magui = createMaguiAdapter();
  const databases = await createMagds({
    database: storage.database,
    projects: createProjectStore(storage.database),
    backups: createBackupStore(storage.database),
    backupDir: join(config.dataDir, 'backups'),
    tools: toolSearch,
    data: magds.data,
    grants: stores.grants,
    hooks: () => magds.hooks(),
    emit: (event) => magds.emitEvent(event),
    console: consoleHooks(() => magui.hooks()),
    logger,
  });
  magds.serve(databases.forExtensions);
  const maggate = createMaggateAdapter();
  const network = started.use(createNetworkAdapter());
  const files = createFilesAdapter({ rootDir: join(config.dataDir, 'files'), mounts, logger });
  const metrics = createMetricsAdapter();
  const keys = createKeysAdapter({ rootDir: join(config.dataDir, 'keys'), logger });
  const storeRecords = createStoreRecords(storage.database);
  const dataStores = started.use(
    createStoresAdapter({
      builtIn: createBuiltInStore(storage.database),
      directory: storeRecords,
      password: async (name) => {
        const found = await secrets.resolver.shared(name);
        return found.state === 'present' ? found.value : null;
      },
      logger,
    }),
  );
  await trustFirstParty(config.dataDir);

  const { promise: fenced, resolve: onFenced } = Promise.withResolvers<MagError>();
  const revocations = createRevocationLists({
    store: stores.revocations,
    policy: () => readTrustPolicy(config.dataDir),
    stopRevoked: () => kernel.stopRevoked(),
  });
  const kernel = new Kernel({
    stores,
    data: magds.data,
    transactions: magds.transactions,
    files: files.files,
    sandbox,
    policy: async () => revocations.complete(await readTrustPolicy(config.dataDir)),
    logger,
    clock: { now: () => new Date() },
    onFenced: (error) => void kernel.abandon().finally(() => onFenced(error)),
    cleanerFor,
    alert: createAlertWebhook(config.alertWebhook, logger),
    healthIntervalMs: config.healthIntervalMs,
  });
  started.defer(() => kernel.stop());
  started.use(databases);
  kernel.attach(magds);
  kernel.attach(maggate);
  kernel.attach(network);
  kernel.attach(files);
  const jobsAdapter = createJobsAdapter();
  kernel.attach(jobsAdapter);
  await migrateJobEngine(storage.database);
  const jobs = createJobs({
    store: stores.jobs,
    schedules: stores.schedules,
    engine: createJobEngine(storage.database, logger),
    guests: kernel.guests,
    hooks: jobsAdapter.hooks(),
    emit: (event) => jobsAdapter.emitEvent(event),
    logger,
    ...(config.jobBackoffMs === null ? {} : { backoffMs: () => config.jobBackoffMs ?? 0 }),
  });
  jobsAdapter.serve(jobs.queue);
  const magauth = createMagauthAdapter();
  kernel.attach(magauth);
  const webhooks = webhookSecrets(secrets, kernel.guests);
  const listening = { url: '' };
  const auth = createMagauth({
    stores,
    hooks: magauth.hooks(),
    audit: kernel.audit,
    guests: kernel.guests,
    fetch: createProviderFetch(network, kernel.guests),
    secretFor: (extension, name) => webhooks.secretFor(extension, name),
    events: stores.events,
    onPublished: (listener) => kernel.onPublished(listener),
    onGrants: (listener) => kernel.guests.onGrants(listener),
    emit: (event) => magauth.emitEvent(event),
    logger,
    publicUrl: () => config.publicUrl ?? listening.url,
    session: { idleMs: config.sessionIdleMinutes * 60_000, maxMs: config.sessionMaxMinutes * 60_000 },
  });
  started.defer(() => auth.stop());
  magauth.serve(auth.forExtensions);
  await databases.sweep();
  const magws = createMagwsAdapter();
  kernel.attach(magws);
  const realtime = createRealtime({
    store: stores.channels,
    events: stores.events,
    guests: kernel.guests,
    hooks: magws.hooks(),
    emit: (event) => magws.emitEvent(event),
    logger,
    limits: {
      origins: config.wsOrigins,
      connections: config.wsConnections,
      perAddress: config.wsPerAddress,
      perPrincipal: config.wsPerPrincipal,
      rate: config.wsRate,
      heartbeatMs: config.wsHeartbeatMs,
      slowMs: config.wsSlowMs,
    },
  });
  magws.serve(realtime.channels);
  const magcli = createMagcliAdapter();
  kernel.attach(magcli);
  kernel.attach(magui);
  kernel.attach(metrics);
  kernel.attach(secrets);
  kernel.attach(keys);
  kernel.attach(dataStores);
  await kernel.start();
  started.defer(() => jobs.stop()); // before what runs them
  await jobs.start();

  const registries = createRegistryDesk(config.dataDir, kernel.operator);
  const missing = new Map<ExtensionId, string>();
  const gateway = await createGateway({
    operator: kernel.operator,
    endpoints: kernel.guests,
    audit: kernel.audit,
    cells: () => kernel.cells(),
    spareCells: () => sandbox.spares(),
    denied: () => kernel.denied(),
    customMetrics: (extensions) => metrics.text(extensions),
    stores,
    auth,
    trust: createTrustAdmin(config.dataDir),
    revocations,
    registries,
    magds: databases,
    magcli: createMagcli(magcli.hooks(), kernel.guests, auth.roles),
    magui: createMagui(magui.hooks(), runningPackages(stores), auth.roles),
    consoles: config.consoles?.split(',') ?? [],
    jobs: stores.jobs,
    keys: keys.store,
    secrets: createSecretAdmin(secrets, kernel.operator, vaults),
    dataStores: createStoreDesk(storeRecords, dataStores),
    webhookSecrets: webhooks,
    hostInfo: hostInfo(config, {
      storage,
      jail,
      events,
      noBackups: await whyNoBackups(toolSearch, storage),
      notInstalled: missing,
      revocations: () => kernel.revocationTroubles(),
    }),
    logger,
    adapter: maggate,
    realtime,
    ...(mutualTls === null ? {} : { mutualTls }),
    rateLimits: {
      principal: config.rateLimit,
      anonymous: config.rateLimitAnonymous,
      failures: config.rateLimitFailures,
    },
  });
  started.defer(() => gateway.close()); // first to stop: requests end before what serves them
  for (const [id, reason] of await preinstall(config.preinstall, {
    operator: kernel.operator,
    extensions: stores.extensions,
    registries,
    logger,
  }))
    missing.set(id, reason);
  const tokenFile = await ensureAdminToken(config.dataDir, stores.tokens);
  const mutualTlsUrl = await listenMutually(mutualTls, config);
  if (mutualTlsUrl !== null) logger.info({ url: mutualTlsUrl }, 'mutual TLS: listening');
  const url = await listen(gateway, config);
  listening.url = url;
  await stores.hosts.setAddress(url);

  const running = started.move();
  return { url, mutualTlsUrl, tokenFile, fenced, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** That an extension was given a secret, by its name. */
function recordSecret(audit: Audit, extension: ExtensionId, name: string): Promise<void> {
  const by = { principal: `extension:${extension}`, tenant: 't_system' };
  return audit.record({ ...by, action: 'secret.read', target: name, outcome: 'ok', detail: {} });
}

async function prepareDataFolder(dataDir: string): Promise<void> {
  try {
    await makeFolder(dataDir);
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new MagError('E_CONFIG', 'the data folder (MAG_DATA_DIR) cannot be created, read or written', {
      cause,
    });
  }
}
