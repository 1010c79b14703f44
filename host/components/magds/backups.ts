import { hostname } from 'node:os';
import { v7 as uuid } from 'uuid';
import { MagError } from '../../../kernel/errors.ts';
import { findPostgresTools, type PostgresTools } from '../../storage/postgres-tools.ts';
import { BackupFile } from './backup-file.ts';
import { extensionMigrations, sameMigrations } from './extension-snapshot.ts';
import type { Jobs } from './jobs.ts';
import { announce, databaseOf, holdDatabase, type Parts, projectOf, serverNameOf } from './parts.ts';
import type { Asker, BackupRecord, JobError, RestoreRecord } from './ports.ts';

/** Backups of databases, each one file. */
export class Backups {
  readonly #parts: Parts;
  readonly #jobs: Jobs;

  constructor(parts: Parts, jobs: Jobs) {
    this.#parts = parts;
    this.#jobs = jobs;
  }

  /** Oldest first. @throws `E_NOT_FOUND` */
  async list(project: string): Promise<BackupRecord[]> {
    await projectOf(this.#parts, project);
    return this.#parts.backups.list(project);
  }

  /**
   * With what was restored from it, newest first.
   * @param over until when to wait for the end of what runs; default: not at all
   * @throws `E_NOT_FOUND`
   */
  async get(
    project: string,
    id: string,
    over: AbortSignal = AbortSignal.abort(),
  ): Promise<BackupRecord & { restores: readonly RestoreRecord[] }> {
    await backupOf(this.#parts, project, id);
    await this.#jobs.wait(id, over);
    const record = await backupOf(this.#parts, project, id);
    return { ...record, restores: await this.#parts.backups.restores(id) };
  }

  /**
   * Begins one, unless a guard is against it; `get` tells how it goes.
   * @throws `E_NOT_FOUND`, `E_VETO`, `E_BACKUP_TOOLS`, `E_BUSY`, `E_STORAGE`
   */
  async start(project: string, database: string, asker: Asker): Promise<BackupRecord> {
    const parts = this.#parts;
    await databaseOf(parts, project, database);
    const tools = await toolsFor(parts);
    const about = { project, database };
    await parts.hooks().beforeBackup.ask({ ...about, by: asker.id }, { request: asker.request });
    const lock = await holdDatabase(parts, project, database);
    let record: BackupRecord;
    try {
      record = await this.#begin(project, database, tools, asker);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    const written = { sizeBytes: 0, sha256: '' };
    this.#jobs.start(
      record.id,
      lock,
      async (signal) => void Object.assign(written, await this.#write(record, tools, signal)),
      (error) => this.#end(record, error ?? written, asker),
    );
    return record;
  }

  /** With its file. @throws `E_NOT_FOUND`, `E_STATE` while it is being made or restored from */
  async remove(project: string, id: string): Promise<void> {
    const record = await this.get(project, id);
    if ([record, ...record.restores].some(({ state }) => state === 'running')) {
      throw new MagError('E_STATE', 'The backup is being made, or restored from.');
    }
    await using _lock = await holdDatabase(this.#parts, project, record.database);
    await new BackupFile(this.#parts.backupDir, id).remove();
    await this.#parts.backups.remove(id);
  }

  async #begin(project: string, database: string, tools: PostgresTools, asker: Asker): Promise<BackupRecord> {
    const { profile } = await databaseOf(this.#parts, project, database); // it may have gone meanwhile
    return this.#parts.backups.begin({
      id: uuid(),
      project,
      database,
      node: hostname(),
      serverVersion: this.#parts.server.platform.versionNum,
      toolsVersion: tools.version,
      profile,
      migrations: await extensionMigrations(this.#parts, project, database),
      createdBy: asker.id,
    });
  }

  async #write(record: BackupRecord, tools: PostgresTools, signal: AbortSignal) {
    const { project, database, id } = record;
    const serverName = serverNameOf(this.#parts, await databaseOf(this.#parts, project, database));
    const file = new BackupFile(this.#parts.backupDir, id);
    const written = await file.write(tools, this.#parts.server.target(serverName), signal);
    // What is in it would not be what the record says.
    if (sameMigrations(record.migrations, await extensionMigrations(this.#parts, project, database)))
      return written;
    await file.remove();
    throw new MagError('E_BACKUP', 'An extension was migrated while the backup was made; make it again.');
  }

  async #end(
    { id, project, database }: BackupRecord,
    outcome: { sizeBytes: number; sha256: string } | JobError,
    asker: Asker,
  ): Promise<void> {
    await this.#parts.backups.end(id, outcome);
    const about = { project, database, backup: id };
    if ('code' in outcome) {
      await announce(this.#parts, 'database.backup.failed', { ...about, code: outcome.code }, asker);
    } else {
      const data = { ...about, size_bytes: outcome.sizeBytes };
      await announce(this.#parts, 'database.backup.completed', data, asker);
    }
  }
}

/** @throws `E_BACKUP_TOOLS` */
export function toolsFor({ tools, server }: Parts): Promise<PostgresTools> {
  return findPostgresTools(tools, server.platform.versionNum);
}

/** @throws `E_NOT_FOUND` */
export async function backupOf(parts: Parts, project: string, id: string): Promise<BackupRecord> {
  await projectOf(parts, project);
  const record = await parts.backups.get(id);
  if (record?.project === project) return record;
  throw new MagError('E_NOT_FOUND', `The project ${project} has no such backup.`);
}
