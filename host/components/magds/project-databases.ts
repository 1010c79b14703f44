import type { ProjectDatabases } from '../../../adapters/magds/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { Caller } from '../../../kernel/ports.ts';
import type { Databases } from './databases.ts';
import { holdDatabase, type Parts } from './parts.ts';
import { DEFAULT_PROJECT, type ProjectRecord } from './ports.ts';

/** Whom work without a request is done for. */
const CONTROL_PLANE = 't_system';
/** Databases one extension may have made and not be rid of. */
const MAX_OF_EXTENSION = 10;

/** What extensions do with databases: in projects of the tenant they are asked in, and no others. */
export function createProjectDatabases(parts: Parts, databases: Databases): ProjectDatabases {
  return {
    async createFor(caller, { name, project }) {
      const chosen = await chosenProject(parts, caller, project);
      // One at a time, or several at once would each find room for one.
      await using _turn = await holdDatabase(parts, '', caller.extension);
      await requireQuota(parts, caller);
      const asker = { id: caller.extension, request: caller.request };
      const { createdAt } = await databases.create(chosen.id, { name }, asker);
      return { project: chosen.id, name, createdAt: createdAt.toISOString() };
    },

    async listFor(caller) {
      const own = new Set((await projectsOf(parts, caller)).map(({ id }) => id));
      const found = await parts.projects.databases(null);
      return {
        databases: found
          .filter(({ project, state }) => own.has(project) && state === 'ready')
          .map(({ project, name, createdAt }) => ({ project, name, createdAt: createdAt.toISOString() })),
      };
    },
  };
}

async function projectsOf(parts: Parts, { request }: Caller): Promise<ProjectRecord[]> {
  const tenant = request?.tenantId ?? CONTROL_PLANE;
  return (await parts.projects.list()).filter(({ tenantId }) => tenantId === tenant);
}

/** @throws `E_NOT_FOUND`: those of other tenants are not there */
async function chosenProject(
  parts: Parts,
  caller: Caller,
  named: string | undefined,
): Promise<ProjectRecord> {
  const own = await projectsOf(parts, caller);
  const byName = own.find(({ id }) => id === (named ?? DEFAULT_PROJECT));
  const found = byName ?? (named === undefined && own.length === 1 ? own[0] : undefined);
  if (found !== undefined) return found;
  const detail =
    named !== undefined
      ? `The tenant has no project ${named}.`
      : 'Name one of the projects of the tenant, if it has any.';
  throw new MagError('E_NOT_FOUND', detail);
}

async function requireQuota({ projects }: Parts, { extension }: Caller): Promise<void> {
  if ((await projects.countOf(extension)) < MAX_OF_EXTENSION) return;
  throw new MagError('E_DB_QUOTA', `An extension has at most ${MAX_OF_EXTENSION} databases.`);
}
