import { setTimeout as sleep } from 'node:timers/promises';
import type { MagdsHooks, SqlParser } from '../../../adapters/magds/index.ts';
import type { ComponentEvent } from '../../../kernel/adapter.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { ExtensionData, GrantStore, Logger } from '../../../kernel/ports.ts';
import type { Json } from '../../../manifests/json.ts';
import type { DatabaseServer, HeldLock } from '../../storage/database-server.ts';
import type { ToolSearch } from '../../storage/postgres-tools.ts';
import type { Asker, BackupStore, DatabaseRecord, ProjectRecord, ProjectStore } from './ports.ts';

/** What the parts of the component share. */
export interface Parts {
  readonly projects: ProjectStore;
  readonly backups: BackupStore;
  /** Where the files of backups are: a folder that is made when it is needed. */
  readonly backupDir: string;
  readonly tools: ToolSearch;
  /** The roles of extensions and their rights, which a restore sets anew. */
  readonly data: Pick<ExtensionData, 'provision' | 'syncGrants'>;
  readonly grants: Pick<GrantStore, 'list'>;
  readonly server: DatabaseServer;
  readonly parser: SqlParser;
  readonly logger: Logger;
  /** Of the adapter, registered before the first is asked for. */
  readonly hooks: () => MagdsHooks;
  readonly emit: (event: ComponentEvent) => Promise<void>;
  /** What the console lets extensions know of it. */
  readonly console: ConsoleHooks;
}

export interface ConsoleHooks {
  /** @throws `E_VETO` */
  beforeProject(project: { project: string; tenant: string; by: string }, asker: Asker): Promise<void>;
  schemaChanged(
    change: { project: string; database: string; change: 'migration' | 'policy'; name: string },
    asker: Asker,
  ): void;
}

const PATIENCE_MS = 3_000;
const RETRY_MS = 100;

/** The lock under which all is done that changes a database of a project, over all hosts. @throws `E_BUSY` */
export async function holdDatabase(parts: Parts, project: string, name: string): Promise<HeldLock> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(RETRY_MS)) {
    const lock = await parts.server.tryLock(lockKey(project, name));
    if (lock !== null) return lock;
    if (Date.now() > deadline) {
      throw new MagError('E_BUSY', `Something else is being done with the database ${project}/${name}.`);
    }
  }
}

/** No name has a slash. */
export function lockKey(project: string, name: string): string {
  return `${project}/${name}`;
}

/** @throws `E_NOT_FOUND` */
export async function projectOf(parts: Parts, id: string): Promise<ProjectRecord> {
  const project = await parts.projects.get(id);
  if (project === null) throw new MagError('E_NOT_FOUND', `There is no project ${id}.`);
  return project;
}

/** One that can be worked with. @throws `E_NOT_FOUND`, `E_BUSY` */
export async function databaseOf(parts: Parts, project: string, name: string): Promise<DatabaseRecord> {
  await projectOf(parts, project);
  const found = await parts.projects.database(project, name);
  if (found === null) throw new MagError('E_NOT_FOUND', `The project ${project} has no database ${name}.`);
  if (found.state !== 'ready')
    throw new MagError('E_BUSY', `The database ${project}/${name} is ${found.state}.`);
  return found;
}

/** What a database is called on the server. */
export function serverNameOf(parts: Parts, { serverName }: Pick<DatabaseRecord, 'serverName'>): string {
  return serverName ?? parts.server.platformName;
}

/** The work is done: an event that cannot be published does not fail it. */
export async function announce(
  parts: Parts,
  type: string,
  data: Record<string, Json>,
  asker: Asker,
): Promise<void> {
  const { request } = asker;
  const context = {
    ...(request === null ? {} : { tenant_id: request.tenantId, trace_id: request.traceId }),
    ...(typeof data.project === 'string' ? { project_id: data.project } : {}),
    user_id: asker.id,
  };
  await parts
    .emit({ type, data, context })
    .catch((error: unknown) => parts.logger.error({ err: error, type }, 'an event was not published'));
}
