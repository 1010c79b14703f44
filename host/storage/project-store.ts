import { MagError } from '../../kernel/errors.ts';
import type {
  DatabaseProfile,
  DatabaseRecord,
  ProjectRecord,
  ProjectStore,
} from '../components/magds/ports.ts';
import type { Database } from './database.ts';
import { violatedUnique } from './database-errors.ts';

const PROJECT = 'id, name, tenant_id AS "tenantId", created_by AS "createdBy", created_at AS "createdAt"';
const DATABASE = `project_id AS project, name, server_name AS "serverName", state, profile,
  created_by AS "createdBy", created_at AS "createdAt"`;

export function createProjectStore(database: Database): ProjectStore {
  return {
    list: () => database.query<ProjectRecord>(`SELECT ${PROJECT} FROM mag.projects ORDER BY id`),

    async get(id) {
      const [row] = await database.query<ProjectRecord>(`SELECT ${PROJECT} FROM mag.projects WHERE id = $1`, [
        id,
      ]);
      return row ?? null;
    },

    async add({ id, name, tenantId, createdBy }) {
      const values = [id, name, tenantId, createdBy];
      const rows = await database
        .query<ProjectRecord>(
          `INSERT INTO mag.projects (id, name, tenant_id, created_by) VALUES ($1, $2, $3, $4) RETURNING ${PROJECT}`,
          values,
        )
        .catch((error: unknown) => refuseTwin(error, `There is a project ${id} already.`));
      return only(rows);
    },

    async remove(id) {
      // The check and the removal in one statement: a database made meanwhile keeps the project.
      const removed = await database.query(
        `DELETE FROM mag.projects p WHERE id = $1 AND id <> 'default'
           AND NOT EXISTS (SELECT FROM mag.project_databases d WHERE d.project_id = p.id) RETURNING 1`,
        [id],
      );
      return removed.length > 0;
    },

    databases: (project) =>
      database.query<DatabaseRecord>(
        `SELECT ${DATABASE} FROM mag.project_databases WHERE $1::text IS NULL OR project_id = $1
         ORDER BY project_id, name`,
        [project],
      ),

    async database(project, name) {
      const [row] = await database.query<DatabaseRecord>(
        `SELECT ${DATABASE} FROM mag.project_databases WHERE project_id = $1 AND name = $2`,
        [project, name],
      );
      return row ?? null;
    },

    async begin({ project, name, serverName, profile, createdBy }) {
      const rows = await database
        .query<DatabaseRecord>(
          `INSERT INTO mag.project_databases (project_id, name, server_name, state, profile, created_by)
           VALUES ($1, $2, $3, 'creating', $4, $5) RETURNING ${DATABASE}`,
          [project, name, serverName, JSON.stringify(profile), createdBy],
        )
        .catch((error: unknown) => refuseTwin(error, `There is a database ${name} already.`));
      return only(rows);
    },

    async change(project, name, { state, serverName, profile }) {
      await database.query(
        `UPDATE mag.project_databases SET state = $3, server_name = coalesce($4, server_name),
           profile = coalesce($5, profile) WHERE project_id = $1 AND name = $2`,
        [project, name, state, serverName ?? null, profileText(profile)],
      );
    },

    async forget(project, name) {
      await database.query('DELETE FROM mag.project_databases WHERE project_id = $1 AND name = $2', [
        project,
        name,
      ]);
    },

    countOf: async (createdBy) =>
      only(
        await database.query<{ count: number }>(
          'SELECT count(*) AS count FROM mag.project_databases WHERE created_by = $1',
          [createdBy],
        ),
      ).count,
  };
}

function profileText(profile: DatabaseProfile | undefined): string | null {
  return profile === undefined ? null : JSON.stringify(profile);
}

function refuseTwin(error: unknown, detail: string): never {
  if (violatedUnique(error) === undefined) throw error;
  throw new MagError('E_EXISTS', detail, { cause: error });
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new MagError('E_INTERNAL', 'a statement that returns a row returned none');
  return row;
}
