import { postgresDegradation } from '../../storage/postgres-version.ts';
import { type Parts, projectOf, serverNameOf } from './parts.ts';
import type { Asker, DatabaseRecord } from './ports.ts';

export interface DatabaseHealth {
  readonly name: string;
  /** Whether it takes a connection. */
  readonly reachable: boolean;
  readonly sizeBytes: number | null;
  readonly connections: number;
}

/** How a project is: what the host sees, and what extensions had to add. */
export interface ProjectHealth {
  readonly project: string;
  /** All databases answer, and no contribution says otherwise. */
  readonly healthy: boolean;
  readonly checkedAt: Date;
  readonly databases: readonly DatabaseHealth[];
  /** What is weaker than it could be. */
  readonly degradations: readonly { readonly name: string; readonly detail: string }[];
  readonly contributions: readonly {
    readonly extension: string;
    readonly healthy: boolean;
    readonly details: object;
  }[];
}

/** @throws `E_NOT_FOUND` */
export async function checkProject(
  parts: Parts,
  project: string,
  asker: Asker,
  restorePoints: { degradation(): Promise<string | null> },
): Promise<ProjectHealth> {
  await projectOf(parts, project);
  const records = await parts.projects.databases(project);
  const databases = await Promise.all(records.map((record) => look(parts, record)));
  const contributions = await contributionsOf(parts, project, databases, asker);
  return {
    project,
    healthy: [...databases.map(({ reachable }) => reachable), ...contributions.map(isWell)].every(Boolean),
    checkedAt: new Date(),
    databases,
    degradations: [
      ...named('postgres', postgresDegradation(parts.server.platform.versionNum)),
      ...named('restore points', await restorePoints.degradation()),
    ],
    contributions,
  };
}

async function contributionsOf(
  parts: Parts,
  project: string,
  databases: readonly DatabaseHealth[],
  asker: Asker,
): Promise<ProjectHealth['contributions']> {
  const about = { project, databases: databases.map(({ name }) => name) };
  const said = await parts.hooks().healthReport.collect(about, { request: asker.request });
  return said.map(({ extension, value }) => {
    const { healthy, details = {} } = value as { healthy: boolean; details?: object }; // the schema of the hook
    return { extension, healthy, details };
  });
}

async function look(parts: Parts, record: DatabaseRecord): Promise<DatabaseHealth> {
  const serverName = serverNameOf(parts, record);
  const [row] = await parts.server.platform.query<{ size: number; connections: number }>(
    `SELECT pg_database_size(d.oid) AS size,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid) AS connections
     FROM pg_database d WHERE d.datname = $1`,
    [serverName],
  );
  const reachable = await parts.server.open(serverName).then(
    async (database) => {
      await database.close();
      return record.state === 'ready';
    },
    () => false,
  );
  return {
    name: record.name,
    reachable,
    sizeBytes: row?.size ?? null,
    connections: row?.connections ?? 0,
  };
}

function named(name: string, detail: string | null): { name: string; detail: string }[] {
  return detail === null ? [] : [{ name, detail }];
}

function isWell({ healthy }: { readonly healthy: boolean }): boolean {
  return healthy;
}
