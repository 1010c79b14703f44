import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSecretsAdapter,
  SecretFolder,
  type SecretMappings,
  type SecretRecord,
  type SecretsAdapter,
  type VaultConnections,
} from '../../../adapters/secrets/index.ts';
import { openDatabase } from '../../../host/storage/database.ts';
import { createSecretBackendStore } from '../../../host/storage/secret-backend-store.ts';
import { createSecretMappingStore } from '../../../host/storage/secret-mapping-store.ts';
import { codeOf } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { createTestDatabase } from '../../support/database.ts';
import { callerOf, RecordingRegistrar } from '../adapter-contract.ts';
import { createHostCallBench, type HostCallBench } from '../host-call-bench.ts';

export interface SecretsBench extends AsyncDisposable, HostCallBench {
  readonly adapter: SecretsAdapter;
  /** As operators edit it. */
  readonly folder: SecretFolder;
  readonly rootDir: string;
  /** What was put on record. */
  readonly recorded: string[];
  /** What was logged, as JSON. */
  readonly logged: string[];
  /** What was done to mappings. */
  readonly changes: SecretRecord[];
  /** As owners edit them. */
  readonly connections: VaultConnections;
  readonly mappings: SecretMappings;
  readonly registrar: RecordingRegistrar;
  /** The value, or the code it is refused with. `tenantId`: that of the request. */
  get(name: string, tenantId?: string): Promise<string | undefined>;
  /** What the call answers, or the code it is refused with. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  ask(call: string, params: Json, tenantId?: string): Promise<any>;
}

export async function createSecretsBench(
  options: {
    id?: ExtensionId;
    environment?: Record<string, string>;
    record?: () => Promise<void>;
    attached?: boolean;
  } = {},
): Promise<SecretsBench> {
  const { id = 'acme/shop', environment = {}, record = async () => undefined, attached = true } = options;
  const home = await mkdtemp(join(tmpdir(), 'magflock-secrets-'));
  const rootDir = join(home, 'secrets');
  const [recorded, logged]: [string[], string[]] = [[], []];
  const log = (fields: object, message: string) => void logged.push(JSON.stringify({ message, ...fields }));
  const changes: SecretRecord[] = [];
  const testDatabase = await createTestDatabase();
  const database = await openDatabase(testDatabase.url, { maxConnections: 2 });
  const mappings = createSecretMappingStore(database);
  const connections = createSecretBackendStore(database);
  const adapter = createSecretsAdapter({
    mappings,
    connections,
    wanted: async () => [{ extension: id, name: 'API_KEY', reason: 'asks' }],
    recordChange: async (change) => void changes.push(change),
    rootDir,
    environment: new Map(Object.entries(environment)),
    logger: { debug: log, info: log, warn: log, error: log },
    record: async (extension, name) => {
      await record();
      recorded.push(`${extension} ${name}`);
    },
  });
  const registrar = new RecordingRegistrar();
  if (attached) adapter.registerHooks(registrar);
  const bench = createHostCallBench(adapter, {
    id,
    capabilities: ['system.secrets', 'system.secret_mappings'].map((name) => ({ name, reason: 'r' })),
    secrets: ['API_KEY', 'OTHER_KEY'].map((name) => ({ name, reason: 'r' })),
  });
  const ask = (call: string, params: Json, tenantId?: string) => {
    const request = tenantId === undefined ? null : callerOf(id, { tenantId }).request;
    return bench.call(`secrets.${call}`, params, undefined, request).catch(codeOf);
  };
  return {
    ...bench,
    adapter,
    folder: new SecretFolder(rootDir),
    rootDir,
    recorded,
    logged,
    changes,
    connections,
    mappings,
    registrar,
    get: (name, tenantId) => ask('get', { name }, tenantId).then((answer) => answer.value ?? answer),
    ask,
    async [Symbol.asyncDispose]() {
      await database.close();
      await testDatabase.drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
