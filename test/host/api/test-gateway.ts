import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import pino from 'pino';
import { createKeysAdapter } from '../../../adapters/keys/index.ts';
import { createMagauthAdapter } from '../../../adapters/magauth/index.ts';
import { createMagcliAdapter } from '../../../adapters/magcli/index.ts';
import { registerMagdsHooks } from '../../../adapters/magds/hooks.ts';
import { createMaggateAdapter, type MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { createMaguiAdapter } from '../../../adapters/magui/index.ts';
import { createSecretsAdapter } from '../../../adapters/secrets/index.ts';
import { createStoresAdapter } from '../../../adapters/stores/index.ts';
import { createMagauth } from '../../../host/components/magauth/magauth.ts';
import { createMagcli } from '../../../host/components/magcli/magcli.ts';
import { createMagds } from '../../../host/components/magds/magds.ts';
import { createGateway, type GatewayOptions } from '../../../host/components/maggate/gateway.ts';
import { consoleHooks, createMagui } from '../../../host/components/magui/magui.ts';
import { createRegistryDesk } from '../../../host/registries/registry-desk.ts';
import { createSecretAdmin } from '../../../host/secret-admin.ts';
import { createBackupStore } from '../../../host/storage/backup-store.ts';
import { createBuiltInStore } from '../../../host/storage/built-in-store.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createProjectStore } from '../../../host/storage/project-store.ts';
import { createSecretBackendStore } from '../../../host/storage/secret-backend-store.ts';
import { createSecretMappingStore } from '../../../host/storage/secret-mapping-store.ts';
import { createStoreRecords } from '../../../host/storage/store-records.ts';
import { createStores, type PostgresStores } from '../../../host/storage/stores.ts';
import { createStoreDesk } from '../../../host/store-desk.ts';
import { createRevocationLists } from '../../../host/trust/revocation-lists.ts';
import { createTrustAdmin, type TrustAdmin } from '../../../host/trust/trust-admin.ts';
import { AuditLog } from '../../../kernel/audit/audit-log.ts';
import { HookPoints } from '../../../kernel/hooks/hook-points.ts';
import type { Logger } from '../../../kernel/ports.ts';
import { createTestDatabase } from '../../support/database.ts';
import { TestEndpoints } from './test-endpoints.ts';
import { TestHooks } from './test-hooks.ts';
import { TestOperator } from './test-operator.ts';

export const ROLES = ['owner', 'operator', 'auditor', 'author', 'user'] as const;

/** The real gateway on real stores; what the kernel does is played by small objects that can be set up. */
export interface TestGateway extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly stores: PostgresStores;
  readonly operator: TestOperator;
  readonly endpoints: TestEndpoints;
  readonly hooks: TestHooks;
  readonly trust: TrustAdmin;
  readonly adapter: MaggateAdapter;
  /** With the keys and secrets. */
  readonly dataDir: string;
  /** What was logged, one JSON text per line. */
  readonly logged: string[];
  /** By role; all in the tenant `t_system`, but `acme`: an owner of `t_acme`. */
  readonly tokens: Readonly<Record<(typeof ROLES)[number] | 'acme', string>>;
  inject(role: keyof TestGateway['tokens'] | null, options: InjectOptions): Promise<LightMyRequestResponse>;
  actionsOnRecord(
    action: string,
  ): Promise<{ principal: string; outcome: string; target: string; detail: object }[]>;
}

export async function createTestGateway(overrides: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const testDatabase = await createTestDatabase();
  const logged: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
  const database = await openDatabase(testDatabase.url);
  const stores = createStores(database, logger);
  const [operator, endpoints] = [new TestOperator(stores), new TestEndpoints()];
  const hooks = new TestHooks(endpoints);
  const dataDir = await mkdtemp(join(tmpdir(), 'magflock-gateway-'));
  const trust = createTrustAdmin(dataDir);
  const keys = createKeysAdapter({ rootDir: join(dataDir, 'keys'), logger });
  const adapter = createMaggateAdapter();
  adapter.registerHooks(hooks);
  const audit = new AuditLog(stores.audit, { now: () => new Date() });
  const magauth = createMagauthAdapter();
  const points = new HookPoints(logger);
  magauth.registerHooks({
    register: (component, hook) => points.register(component, hook),
    publish: (component, event) => hooks.publish(component, event),
    isHeard: () => true,
  });
  const auth = createMagauth({
    stores,
    hooks: magauth.hooks(),
    audit,
    guests: { call: async () => null, require: () => undefined },
    fetch: () => Promise.reject(new Error('no provider')),
    secretFor: async () => null,
    events: stores.events,
    onPublished: () => undefined,
    onGrants: () => undefined,
    emit: (event) => magauth.emitEvent(event),
    logger,
    publicUrl: () => 'http://127.0.0.1',
    session: { idleMs: 60_000, maxMs: 600_000 },
  });
  const [magcli, magui] = [createMagcliAdapter(), createMaguiAdapter()];
  magcli.registerHooks(hooks);
  magui.registerHooks(hooks);
  const storeRecords = createStoreRecords(database);
  const dataStores = createStoresAdapter({
    builtIn: createBuiltInStore(database),
    directory: storeRecords,
    password: async () => null,
    logger,
  });
  const app = await createGateway({
    operator,
    endpoints,
    audit,
    stores,
    auth,
    trust,
    revocations: createRevocationLists({
      store: stores.revocations,
      policy: () => trust.policy(),
      stopRevoked: async () => ['acme/hello'],
    }),
    registries: createRegistryDesk(dataDir, operator),
    jobs: stores.jobs,
    magds: await createMagds({
      database,
      projects: createProjectStore(database),
      backups: createBackupStore(database),
      backupDir: '/nowhere',
      tools: { folder: '/nowhere', path: '' },
      data: { provision: async () => {}, syncGrants: async () => {} },
      grants: { list: async () => [] },
      hooks: () => registerMagdsHooks(hooks),
      emit: (event) => hooks.publish('magds', event),
      console: consoleHooks(() => magui.hooks()),
      logger,
    }),
    magcli: createMagcli(
      magcli.hooks(),
      { call: () => Promise.reject(new Error('there is no command')) },
      auth.roles,
    ),
    magui: createMagui(
      magui.hooks(),
      { digestOf: async () => null, filesOf: async () => new Map() },
      auth.roles,
    ),
    consoles: [],
    keys: keys.store,
    secrets: createSecretAdmin(
      secretsIn(dataDir, logger, database),
      operator,
      createSecretBackendStore(database),
    ),
    dataStores: createStoreDesk(storeRecords, dataStores),
    adapter,
    logger,
    hostInfo,
    rateLimits: { principal: 0, anonymous: 0, failures: 0 },
    ...overrides,
  });
  const tokens = await createTokens(stores);
  return {
    app,
    stores,
    operator,
    endpoints,
    hooks,
    trust,
    adapter,
    dataDir,
    logged,
    tokens,
    inject: (role, options) =>
      app.inject({ ...options, headers: { ...(role ? bearer(tokens[role]) : {}), ...options.headers } }),
    actionsOnRecord: (action) => stores.audit.latest({ limit: 100, action }),
    async [Symbol.asyncDispose]() {
      await app.close();
      await dataStores[Symbol.asyncDispose]();
      await stores.close();
      await database[Symbol.asyncDispose]();
      await testDatabase.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function secretsIn(dataDir: string, logger: Logger, database: Database) {
  const options = { rootDir: join(dataDir, 'secrets'), logger, record: async () => undefined };
  return createSecretsAdapter({
    ...options,
    mappings: createSecretMappingStore(database),
    connections: createSecretBackendStore(database),
    wanted: async () => [],
    recordChange: async () => undefined,
    environment: new Map([['SHARED_KEY', 'geheim-aus-der-umgebung']]),
  });
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

async function createTokens(stores: PostgresStores): Promise<TestGateway['tokens']> {
  const create = async (role: string, tenantId: string) =>
    (await stores.tokens.create({ name: role, role, tenantId })).token;
  return {
    owner: await create('owner', 't_system'),
    operator: await create('operator', 't_system'),
    auditor: await create('auditor', 't_system'),
    author: await create('author', 't_system'),
    user: await create('user', 't_system'),
    acme: await create('owner', 't_acme'),
  };
}

function hostInfo() {
  return {
    name: 'MagFlock',
    version: '1.0.0',
    node: process.version,
    startedAt: new Date(0),
    database: 'test',
    config: { host: '127.0.0.1' },
    jail: [{ name: 'network', on: true, detail: 'none', remedy: null }],
    degradations: [{ name: 'cgroup', detail: 'not writable' }],
  };
}
