import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import pino from 'pino';
import { createMaggateAdapter, type MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { createGateway, type GatewayOptions } from '../../../host/components/maggate/gateway.ts';
import { openDatabase } from '../../../host/storage/database.ts';
import { createStores, type PostgresStores } from '../../../host/storage/stores.ts';
import { AuditLog } from '../../../kernel/audit/audit-log.ts';
import { createTestDatabase } from '../../support/database.ts';
import { TestEndpoints } from './test-endpoints.ts';
import { TestHooks } from './test-hooks.ts';
import { TestOperator } from './test-operator.ts';
import { TestTrust } from './test-trust.ts';

export const ROLES = ['owner', 'operator', 'auditor', 'author', 'user'] as const;

/** The real gateway on real stores; what the kernel does is played by small objects that can be set up. */
export interface TestGateway extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly stores: PostgresStores;
  readonly operator: TestOperator;
  readonly endpoints: TestEndpoints;
  readonly hooks: TestHooks;
  readonly trust: TestTrust;
  readonly adapter: MaggateAdapter;
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
  const [operator, endpoints, hooks] = [new TestOperator(stores), new TestEndpoints(), new TestHooks()];
  const trust = new TestTrust();
  const adapter = createMaggateAdapter();
  adapter.registerHooks(hooks);
  const app = await createGateway({
    operator,
    endpoints,
    audit: new AuditLog(stores.audit, { now: () => new Date() }),
    stores,
    tokens: stores.tokens,
    trust,
    adapter,
    logger,
    hostInfo,
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
    logged,
    tokens,
    inject: (role, options) =>
      app.inject({ ...options, headers: { ...(role ? bearer(tokens[role]) : {}), ...options.headers } }),
    actionsOnRecord: (action) => stores.audit.latest({ limit: 100, action }),
    async [Symbol.asyncDispose]() {
      await app.close();
      await stores.close();
      await database[Symbol.asyncDispose]();
      await testDatabase.drop();
    },
  };
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
