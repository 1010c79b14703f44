import type { ProjectDatabases } from '../../../adapters/magds/index.ts';
import { createSqlParser } from '../../../adapters/magds/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { Database } from '../../storage/database.ts';
import { createDatabaseServer } from '../../storage/database-server.ts';
import { Backups } from './backups.ts';
import { Databases } from './databases.ts';
import { checkProject, type ProjectHealth } from './health.ts';
import { Jobs } from './jobs.ts';
import { ProjectMigrations } from './migrations.ts';
import { type Parts, projectOf } from './parts.ts';
import { Policies } from './policies.ts';
import type { Asker, ProjectRecord } from './ports.ts';
import { createProjectDatabases } from './project-databases.ts';
import { RestorePoints } from './restore-points.ts';
import { Restores } from './restores.ts';

/** How often it is looked for what other hosts left unfinished. */
const SWEEP_MS = 30_000;

export interface MagdsOptions extends Omit<Parts, 'server' | 'parser'> {
  /** The database of the host. */
  readonly database: Database;
}

/** The database component: projects with their databases, and what operators do to those. */
export interface Magds extends AsyncDisposable {
  readonly databases: Databases;
  readonly migrations: ProjectMigrations;
  readonly policies: Policies;
  readonly restorePoints: RestorePoints;
  readonly backups: Backups;
  readonly restores: Restores;
  /** What it does for extensions. */
  readonly forExtensions: ProjectDatabases;
  projects(): Promise<ProjectRecord[]>;
  /** @throws `E_NOT_FOUND` */
  project(id: string): Promise<ProjectRecord>;
  /** @throws `E_EXISTS`, `E_VETO` */
  createProject(
    project: { id: string; name: string; tenantId: string },
    asker: Asker,
  ): Promise<ProjectRecord>;
  /** @throws `E_NOT_FOUND`; `E_STATE` while it has a database, and for the one that always is */
  removeProject(id: string): Promise<void>;
  /** @throws `E_NOT_FOUND` */
  health(project: string, asker: Asker): Promise<ProjectHealth>;
  /** Cleans up after hosts that stopped in the middle of something; it does so by itself twice a minute. */
  sweep(): Promise<void>;
}

export async function createMagds({ database, ...rest }: MagdsOptions): Promise<Magds> {
  const [server, parser] = await Promise.all([createDatabaseServer(database), createSqlParser()]);
  const parts: Parts = { ...rest, server, parser };
  const { projects } = parts;
  const databases = new Databases(parts);
  const restorePoints = new RestorePoints(parts);
  const jobs = new Jobs(parts.logger);
  const restores = new Restores(parts, jobs, databases);
  const sweep = async () => {
    await databases.sweep();
    await restores.sweep();
  };
  const sweeping = setInterval(
    () => void sweep().catch((error: unknown) => complain(parts, error)),
    SWEEP_MS,
  );
  sweeping.unref();
  return {
    restores,
    backups: new Backups(parts, jobs),
    databases,
    restorePoints,
    migrations: new ProjectMigrations(parts),
    policies: new Policies(parts),
    forExtensions: createProjectDatabases(parts, databases),
    projects: () => projects.list(),
    project: (id) => projectOf(parts, id),
    async createProject(project, asker) {
      await parts.console.beforeProject(
        { project: project.id, tenant: project.tenantId, by: asker.id },
        asker,
      );
      return projects.add({ ...project, createdBy: asker.id });
    },
    async removeProject(id) {
      await projectOf(parts, id);
      if (await projects.remove(id)) return;
      throw new MagError('E_STATE', `The project ${id} has databases, or is the one that always is.`);
    },
    health: (project, asker) => checkProject(parts, project, asker, restorePoints),
    sweep,
    async [Symbol.asyncDispose]() {
      clearInterval(sweeping);
      await jobs[Symbol.asyncDispose]();
    },
  };
}

function complain({ logger }: Parts, error: unknown): void {
  logger.warn({ reason: messageOf(error) }, 'what hosts left unfinished was not cleaned up');
}
