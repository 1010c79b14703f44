import { registerMagdsHooks } from '../../../../adapters/magds/hooks.ts';
import { createMagds, type Magds } from '../../../../host/components/magds/magds.ts';
import type { Asker } from '../../../../host/components/magds/ports.ts';
import { createBackupStore } from '../../../../host/storage/backup-store.ts';
import { openDatabase } from '../../../../host/storage/database.ts';
import { createDatabaseServer, type DatabaseServer } from '../../../../host/storage/database-server.ts';
import { createProjectStore } from '../../../../host/storage/project-store.ts';
import type { ComponentEvent } from '../../../../kernel/adapter.ts';
import { MagError } from '../../../../kernel/errors.ts';
import { HookPoints } from '../../../../kernel/hooks/hook-points.ts';
import type { Tap } from '../../../../kernel/hooks/tapped-point.ts';
import type { HookName } from '../../../../manifests/catalog/index.ts';
import type { Json } from '../../../../manifests/json.ts';
import { tapOf } from '../../../kernel/hooks/tap-of.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { silentLogger } from '../../../support/silent-logger.ts';

export const OPERATOR: Asker = {
  id: 'token:test',
  request: {
    tenantId: 't_system',
    env: 'test',
    principal: { id: 'token:test', name: 'test', role: 'operator' },
    membership: { tenantId: 't_system', roles: ['operator'] },
    mode: null,
    traceId: '0af7651916cd43dd8448eb211c80319c',
  },
};

/** The component on a database of its own, with real hook points. */
export interface ComponentBench {
  readonly magds: Magds;
  readonly database: TestDatabase;
  readonly server: DatabaseServer;
  readonly events: ComponentEvent[];
  /** What taps were given, in order: every hook is tapped by one that notes it and does `taps` of it. */
  readonly fired: { hook: HookName; value: Json; tenant: string | undefined }[];
  /** Extensions that were given their role again. */
  readonly letIn: readonly string[];
  readonly taps: Map<HookName, (value: Json) => Json>;
  close(): Promise<void>;
}

export async function openComponentBench(): Promise<ComponentBench> {
  const testDatabase = await createTestDatabase();
  const database = await openDatabase(testDatabase.url);
  const [events, fired]: [ComponentBench['events'], ComponentBench['fired']] = [[], []];
  const letIn: string[] = [];
  const taps: ComponentBench['taps'] = new Map();
  const points = new HookPoints(silentLogger);
  const hooks = registerMagdsHooks({
    register: (component, hook) => points.register(component, hook),
    publish: async () => {},
    isHeard: () => true,
  });
  const notes = Object.values(hooks).map(({ name }): [HookName, Tap] => [
    name,
    tapOf('acme/tap', async (value, request) => {
      fired.push({ hook: name, value, tenant: request?.tenantId });
      return taps.get(name)?.(value) ?? value;
    }),
  ]);
  points.tap('acme/tap', new Map(notes));
  const magds = await createMagds({
    database,
    projects: createProjectStore(database),
    backups: createBackupStore(database),
    backupDir: '/nowhere',
    tools: { folder: '/nowhere', path: '' },
    data: { provision: async (id) => void letIn.push(id), syncGrants: async () => {} },
    grants: { list: async () => [] },
    hooks: () => hooks,
    emit: async (event) => void events.push(event),
    console: { beforeProject: async () => {}, schemaChanged: () => {} },
    logger: silentLogger,
  });
  return {
    magds,
    database: testDatabase,
    server: await createDatabaseServer(database),
    events,
    fired,
    letIn,
    taps,
    async close() {
      await magds[Symbol.asyncDispose]();
      for (const { id } of await magds.projects()) {
        for (const { name, serverName } of await magds.databases.list(id)) {
          if (serverName !== null) await magds.databases.remove(id, name, OPERATOR);
        }
      }
      const { rows } = await testDatabase.pool.query<{ role: string }>(
        // Of this database: others of the run have theirs on the same server.
        `SELECT rolname AS role FROM pg_roles WHERE rolname LIKE 'mag_owner_%' AND NOT rolsuper
         AND has_database_privilege(oid, current_database(), 'CREATE')`,
      );
      for (const { role } of rows)
        await testDatabase.pool.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
      await database.close();
      await testDatabase.drop();
    },
  };
}

/** What arrives of an `ExtensionError` that a tap threw. */
export function vetoOf(code: string, message: string): MagError {
  return new MagError('E_EXTENSION', 'failed', { cause: Object.assign(new Error(message), { code }) });
}
