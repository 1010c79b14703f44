import { MagError } from '../../../kernel/errors.ts';
import { sqlStateOf, violatedUnique } from '../../storage/database-errors.ts';
import { announce, type Parts, projectOf } from './parts.ts';
import type { Asker } from './ports.ts';

export interface RestorePointRecord {
  readonly name: string;
  /** The place in the write-ahead log: `0/1A2B3C8`. */
  readonly lsn: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

const COLUMNS = 'name, lsn, created_by AS "createdBy", created_at AS "createdAt"';
const NO_RIGHT = '42501';

/** Named places in the write-ahead log, which a server restored from a base backup can be stopped at. */
export class RestorePoints {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** By name. @throws `E_NOT_FOUND` */
  async list(project: string): Promise<RestorePointRecord[]> {
    await projectOf(this.#parts, project);
    return this.#parts.server.platform.query<RestorePointRecord>(
      `SELECT ${COLUMNS} FROM mag.restore_points WHERE project_id = $1 ORDER BY name`,
      [project],
    );
  }

  /**
   * Of the whole server, whatever the project: the log is one.
   * @throws `E_NOT_FOUND`, `E_EXISTS`; `E_STATE` when the server keeps no such log, or not for this account
   */
  async create(project: string, name: string, asker: Asker): Promise<RestorePointRecord> {
    await projectOf(this.#parts, project);
    const record = await this.#mark(project, name, asker);
    const { lsn } = record;
    this.#parts.hooks().restorePoint.tell({ project, name, lsn, by: asker.id }, { request: asker.request });
    await announce(this.#parts, 'database.restore_point.created', { project, name, lsn }, asker);
    return record;
  }

  /** Why a restore point is of no use on this server as it is set up; `null`: it is. */
  async degradation(): Promise<string | null> {
    const [row] = await this.#parts.server.platform.query<{ mode: string }>(
      "SELECT current_setting('archive_mode') AS mode",
    );
    if (row?.mode !== 'off') return null;
    return 'archive_mode is off: the server does not keep the log that leads to a restore point.';
  }

  async #mark(project: string, name: string, asker: Asker): Promise<RestorePointRecord> {
    try {
      return await this.#parts.server.platform.transaction(async (transaction) => {
        // The record first: a name that is taken marks nothing.
        await transaction.query(
          "INSERT INTO mag.restore_points (project_id, name, lsn, created_by) VALUES ($1, $2, '', $3)",
          [project, name, asker.id],
        );
        const rows = await transaction.query<RestorePointRecord>(
          `UPDATE mag.restore_points SET lsn = pg_create_restore_point($3)::text
           WHERE project_id = $1 AND name = $2 RETURNING ${COLUMNS}`,
          [project, name, `${project}/${name}`],
        );
        const [record] = rows;
        if (record === undefined) throw new MagError('E_INTERNAL', 'a restore point left no record');
        return record;
      });
    } catch (error) {
      throw explained(error, name);
    }
  }
}

function explained(error: unknown, name: string): unknown {
  if (violatedUnique(error) !== undefined)
    return new MagError('E_EXISTS', `There is a restore point ${name} already.`, { cause: error });
  const state = sqlStateOf(error);
  if (state === NO_RIGHT) {
    const detail = 'The account of the host may not make restore points: grant it pg_create_restore_point.';
    return new MagError('E_STATE', detail, { cause: error });
  }
  if (state === '55000') {
    const detail = 'The server keeps no log that a restore point could be in: wal_level is minimal.';
    return new MagError('E_STATE', detail, { cause: error });
  }
  return error;
}
