import { v7 as uuid } from 'uuid';
import { MagError } from '../../../kernel/errors.ts';
import type { PostgresTools } from '../../storage/postgres-tools.ts';
import { BackupFile } from './backup-file.ts';
import { backupOf, toolsFor } from './backups.ts';
import { type Databases, newServerName } from './databases.ts';
import { areShutOut, letExtensionsIn, shutOutExtensions } from './extension-access.ts';
import { extensionMigrations, sameMigrations } from './extension-snapshot.ts';
import type { Jobs } from './jobs.ts';
import { ensureOwner } from './owner-role.ts';
import { announce, holdDatabase, lockKey, type Parts } from './parts.ts';
import {
  type Asker,
  type BackupRecord,
  DEFAULT_PROJECT,
  MAIN_DATABASE,
  type RestoreRecord,
} from './ports.ts';

const MAIN = lockKey(DEFAULT_PROJECT, MAIN_DATABASE);

/**
 * Brings databases back to what they were. That of the host is replaced in place, in one transaction, while its
 * extensions are shut out; any other is made anew beside the one there is, which it then takes the place of.
 */
export class Restores {
  readonly #parts: Parts;
  readonly #jobs: Jobs;
  readonly #databases: Databases;

  constructor(parts: Parts, jobs: Jobs, databases: Databases) {
    this.#parts = parts;
    this.#jobs = jobs;
    this.#databases = databases;
  }

  /**
   * Begins one; the backup tells how it goes.
   * @throws `E_NOT_FOUND`, `E_STATE`, `E_BACKUP_TOOLS`, `E_BUSY`, `E_STORAGE`
   */
  async start(project: string, backupId: string, asker: Asker): Promise<RestoreRecord> {
    const parts = this.#parts;
    const backup = await backupOf(parts, project, backupId);
    const tools = await toolsFor(parts);
    await this.#requireUsable(backup);
    const lock = await holdDatabase(parts, project, backup.database);
    let record: RestoreRecord;
    try {
      const intoName = isMain(backup) ? null : newServerName(project, backup.database);
      record = await parts.backups.beginRestore({ id: uuid(), backupId, intoName, createdBy: asker.id });
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    this.#jobs.start(
      backupId,
      lock,
      (signal) => this.#restore(record, backup, tools, signal),
      async (error) => {
        await parts.backups.endRestore(record.id, error);
        if (error === null) await this.#tell(backup, asker);
      },
    );
    return record;
  }

  /** Ends what a host left that stopped in the middle of a backup or a restore. */
  async sweep(): Promise<void> {
    const { backups, restores } = await this.#parts.backups.unfinished();
    const left = [...backups, ...restores].map(({ project, database }) => lockKey(project, database));
    if (await areShutOut(this.#parts)) left.push(MAIN);
    for (const key of new Set(left)) {
      const lock = await this.#parts.server.tryLock(key);
      if (lock === null) continue; // it is being done
      await using _lock = lock;
      await this.#settle(key);
    }
  }

  /** Under the lock: what is on record as unfinished now, nobody works on. */
  async #settle(key: string): Promise<void> {
    const stopped = { code: 'E_OPERATION_INTERRUPTED', detail: 'The host stopped in the middle of it.' };
    const { backups, restores } = await this.#parts.backups.unfinished();
    const isOfKey = (one: { project: string; database: string }) =>
      lockKey(one.project, one.database) === key;
    for (const { id } of backups.filter(isOfKey)) {
      await new BackupFile(this.#parts.backupDir, id).removePart();
      await this.#parts.backups.end(id, stopped);
    }
    for (const restore of restores.filter(isOfKey)) {
      await this.#endSession(restore.id);
      if (!isMain(restore)) await this.#drop(restore);
      await this.#parts.backups.endRestore(restore.id, stopped);
    }
    if (key === MAIN && (await areShutOut(this.#parts))) await letExtensionsIn(this.#parts);
  }

  async #restore(
    record: RestoreRecord,
    backup: BackupRecord,
    tools: PostgresTools,
    signal: AbortSignal,
  ): Promise<void> {
    const file = new BackupFile(this.#parts.backupDir, backup.id);
    await file.verify({ sizeBytes: backup.sizeBytes, sha256: backup.sha256 ?? '' }, signal);
    if (isMain(backup)) await this.#replaceMain(record, file, tools, signal);
    else await this.#replaceOther(record, backup, file, tools, signal);
  }

  /** Nothing is changed unless all is: `pg_restore` drops and makes all in one transaction. */
  async #replaceMain(
    record: RestoreRecord,
    file: BackupFile,
    tools: PostgresTools,
    signal: AbortSignal,
  ): Promise<void> {
    const { server } = this.#parts;
    const owner = await ensureOwner(this.#parts, server.platform, DEFAULT_PROJECT, MAIN_DATABASE);
    try {
      await shutOutExtensions(this.#parts, owner);
      const target = { ...server.target(server.platformName), applicationName: sessionName(record.id) };
      await file.restore(tools, target, { clean: true, signal });
    } finally {
      await letExtensionsIn(this.#parts);
    }
  }

  async #replaceOther(
    record: RestoreRecord,
    backup: BackupRecord,
    file: BackupFile,
    tools: PostgresTools,
    signal: AbortSignal,
  ): Promise<void> {
    const { server, backups } = this.#parts;
    const intoName = record.intoName ?? '';
    try {
      await this.#databases.createOnServer(intoName, backup.profile);
      await using database = await server.open(intoName);
      await ensureOwner(this.#parts, database, backup.project, backup.database);
      await file.restore(tools, server.target(intoName), { clean: false, signal });
    } catch (error) {
      await this.#drop(record);
      throw error;
    }
    await this.#drop({ ...record, intoName: await backups.swap(record, backup) });
  }

  async #drop({ id, intoName }: Pick<RestoreRecord, 'id' | 'intoName'>): Promise<void> {
    if (intoName !== null) await this.#databases.dropOnServer(intoName);
    await this.#parts.backups.dropped(id);
  }

  /** A host that was killed may have left it at work. */
  async #endSession(restoreId: string): Promise<void> {
    await this.#parts.server.platform.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1',
      [sessionName(restoreId)],
    );
  }

  async #requireUsable(backup: BackupRecord): Promise<void> {
    if (backup.state !== 'succeeded') throw new MagError('E_STATE', 'The backup was not made.');
    if (!(await new BackupFile(this.#parts.backupDir, backup.id).exists())) {
      throw new MagError('E_STATE', `The file of the backup is not here: it was made on ${backup.node}.`);
    }
    if (!isMain(backup)) return;
    const now = await extensionMigrations(this.#parts, backup.project, backup.database);
    for (const [extension, ran] of Object.entries(backup.migrations)) {
      const present = now[extension];
      if (present !== undefined && sameMigrations({ it: ran }, { it: present })) continue;
      const detail =
        'is not at the migrations it was at then: bring it to the version it had, and restore again.';
      throw new MagError('E_STATE', `${extension} ${detail}`);
    }
  }

  async #tell({ id, project, database }: BackupRecord, asker: Asker): Promise<void> {
    const about = { project, database, backup: id };
    const { afterRestore } = this.#parts.hooks();
    afterRestore.tell({ ...about, by: asker.id }, { request: asker.request });
    await announce(this.#parts, 'database.restored', about, asker);
  }
}

function isMain({ project, database }: Pick<BackupRecord, 'project' | 'database'>): boolean {
  return project === DEFAULT_PROJECT && database === MAIN_DATABASE;
}

function sessionName(restoreId: string): string {
  return `magflock restore ${restoreId}`;
}
