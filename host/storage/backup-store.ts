import { MagError } from '../../kernel/errors.ts';
import type { BackupRecord, BackupStore, JobError, RestoreRecord } from '../components/magds/ports.ts';
import type { Database } from './database.ts';

const BACKUP = `b.id, b.project_id AS project, b.database, b.state, b.node, b.size_bytes AS "sizeBytes", b.sha256,
  b.server_version AS "serverVersion", b.tools_version AS "toolsVersion", b.profile, b.migrations, b.error,
  b.created_by AS "createdBy", b.created_at AS "createdAt", b.ended_at AS "endedAt"`;
const RESTORE = `r.id, r.backup_id AS "backupId", r.state, r.into_name AS "intoName", r.error,
  r.created_by AS "createdBy", r.created_at AS "createdAt", r.ended_at AS "endedAt"`;

export function createBackupStore(database: Database): BackupStore {
  return {
    list: (project) =>
      database.query<BackupRecord>(
        `SELECT ${BACKUP} FROM mag.backups b WHERE b.project_id = $1 ORDER BY b.position`,
        [project],
      ),

    async get(id) {
      const [row] = await database.query<BackupRecord>(
        `SELECT ${BACKUP} FROM mag.backups b WHERE b.id = $1`,
        [id],
      );
      return row ?? null;
    },

    async begin(backup) {
      const { id, project, database: name, node, serverVersion, toolsVersion, createdBy } = backup;
      const [profile, migrations] = [JSON.stringify(backup.profile), JSON.stringify(backup.migrations)];
      const rows = await database.query<BackupRecord>(
        `INSERT INTO mag.backups AS b (id, project_id, database, state, node, server_version, tools_version,
           profile, migrations, created_by)
         VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9) RETURNING ${BACKUP}`,
        [id, project, name, node, serverVersion, toolsVersion, profile, migrations, createdBy],
      );
      return only(rows);
    },

    async end(id, outcome) {
      const error = 'code' in outcome ? outcome : null;
      const { sizeBytes, sha256 } = 'code' in outcome ? { sizeBytes: 0, sha256: null } : outcome;
      await database.query(
        `UPDATE mag.backups SET state = $2, size_bytes = $3, sha256 = $4, error = $5, ended_at = now()
         WHERE id = $1 AND state = 'running'`,
        [id, stateOf(error), sizeBytes, sha256, textOf(error)],
      );
    },

    async remove(id) {
      await database.transaction(async (transaction) => {
        await transaction.query('DELETE FROM mag.restores WHERE backup_id = $1', [id]);
        await transaction.query('DELETE FROM mag.backups WHERE id = $1', [id]);
      });
    },

    restores: (backupId) =>
      database.query<RestoreRecord>(
        `SELECT ${RESTORE} FROM mag.restores r WHERE r.backup_id = $1 ORDER BY r.position DESC`,
        [backupId],
      ),

    async beginRestore({ id, backupId, intoName, createdBy }) {
      const rows = await database.query<RestoreRecord>(
        `INSERT INTO mag.restores AS r (id, backup_id, state, into_name, created_by)
         VALUES ($1, $2, 'running', $3, $4) RETURNING ${RESTORE}`,
        [id, backupId, intoName, createdBy],
      );
      return only(rows);
    },

    async endRestore(id, error) {
      await database.query(
        `UPDATE mag.restores SET state = $2, error = $3, ended_at = now() WHERE id = $1 AND state = 'running'`,
        [id, stateOf(error), textOf(error)],
      );
    },

    swap: (restore, backup) => swap(database, restore, backup),

    async dropped(restoreId) {
      await database.query('UPDATE mag.restores SET into_name = NULL WHERE id = $1', [restoreId]);
    },

    async unfinished() {
      const [backups, restores] = await Promise.all([
        database.query<BackupRecord>(`SELECT ${BACKUP} FROM mag.backups b WHERE b.state = 'running'`),
        database.query<RestoreRecord & Pick<BackupRecord, 'project' | 'database'>>(
          `SELECT ${RESTORE}, b.project_id AS project, b.database FROM mag.restores r
           JOIN mag.backups b ON b.id = r.backup_id WHERE r.state = 'running' OR r.into_name IS NOT NULL`,
        ),
      ]);
      return { backups, restores };
    },
  };
}

function swap(database: Database, restore: RestoreRecord, backup: BackupRecord): Promise<string | null> {
  const { project, database: name, profile } = backup;
  return database.transaction(async (transaction) => {
    const [before] = await transaction.query<{ serverName: string }>(
      `SELECT server_name AS "serverName" FROM mag.project_databases
       WHERE project_id = $1 AND name = $2 FOR UPDATE`,
      [project, name],
    );
    await transaction.query(
      `INSERT INTO mag.project_databases (project_id, name, server_name, state, profile, created_by)
       VALUES ($1, $2, $3, 'ready', $4, $5)
       ON CONFLICT (project_id, name) DO UPDATE SET server_name = $3, state = 'ready', profile = $4`,
      [project, name, restore.intoName, JSON.stringify(profile), restore.createdBy],
    );
    const left = before?.serverName ?? null;
    await transaction.query(
      `UPDATE mag.restores SET state = 'succeeded', into_name = $2, ended_at = now() WHERE id = $1`,
      [restore.id, left],
    );
    return left;
  });
}

function stateOf(error: JobError | null): 'succeeded' | 'failed' {
  return error === null ? 'succeeded' : 'failed';
}

function textOf(error: JobError | null): string | null {
  return error === null ? null : JSON.stringify(error);
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new MagError('E_INTERNAL', 'a statement that returns a row returned none');
  return row;
}
