import pg from 'pg';
import { createMagdsAdapter, type MagdsAdapter } from '../../../adapters/magds/index.ts';
import { createExtensionSide } from '../../../host/storage/extension-side.ts';
import type { Grant, MigrationFile } from '../../../kernel/ports.ts';
import type { CapabilityName, Scope } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { callerOf, RecordingRegistrar } from '../adapter-contract.ts';

/** A database with the adapter on it. */
export interface MagdsBench {
  readonly database: TestDatabase;
  readonly adapter: MagdsAdapter;
  readonly registrar: RecordingRegistrar;
  /** Runs SQL the way a host call does, as the kernel would after its gate. */
  query(
    extension: ExtensionId,
    sql: string,
    params?: Json[],
    caller?: { tenantId?: string; signal?: AbortSignal },
  ): Promise<{ rows: Record<string, Json>[]; rowCount: number }>;
  /** A plain connection of the extension's role, past the text gate. */
  connectAs(extension: ExtensionId): Promise<pg.Client>;
  close(): Promise<void>;
}

export async function openMagdsBench(): Promise<MagdsBench> {
  const database = await createTestDatabase();
  const adapter = await createMagdsAdapter({
    url: database.url,
    logger: silentLogger,
    side: createExtensionSide({ logId: null }),
  });
  const registrar = new RecordingRegistrar();
  adapter.registerHooks(registrar);
  return {
    database,
    adapter,
    registrar,
    async query(extension, sql, params = [], caller = {}) {
      const result = await adapter.executeHook('execute_query', {
        caller: callerOf(extension, caller),
        params: { sql, params },
      });
      return result as unknown as { rows: Record<string, Json>[]; rowCount: number };
    },
    async connectAs(extension) {
      const { rows } = await database.pool.query<{ role: string; password: string }>(
        'SELECT role, password FROM mag.extension_roles WHERE extension_id = $1',
        [extension],
      );
      const address = new URL(database.url);
      address.username = rows[0]?.role ?? '';
      address.password = rows[0]?.password ?? '';
      const client = new pg.Client({ connectionString: address.href });
      await client.connect();
      return client;
    },
    async close() {
      await adapter[Symbol.asyncDispose]();
      await database.drop();
    },
  };
}

export function grant(extension: ExtensionId, capability: CapabilityName, scope: Scope | null = null): Grant {
  return {
    extension,
    capability,
    scope,
    grantedBy: 'test',
    grantedAt: new Date(),
    uses: 0,
    lastUsedAt: null,
  };
}

export function migration(name: string, up: string, down: string | null = null): MigrationFile {
  return { name, up, down };
}
