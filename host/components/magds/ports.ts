import type { RequestContext } from '../../../manifests/protocol/frames.ts';

/** The project that always is, and its database: the one of the host, in which extensions have their schemas. */
export const DEFAULT_PROJECT = 'default';
export const MAIN_DATABASE = 'main';

/** Who asks, and in which request. */
export interface Asker {
  /** `token:<id>`, or the id of an extension. */
  readonly id: string;
  readonly request: RequestContext | null;
}

export interface ProjectRecord {
  /** A slug: `shop`. */
  readonly id: string;
  readonly name: string;
  readonly tenantId: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** What a database begins with. */
export interface DatabaseProfile {
  /** Postgres extensions: `pgcrypto`. */
  readonly extensions: readonly string[];
  /** Of every session in it: `{ "timezone": "UTC" }`. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface DatabaseRecord {
  readonly project: string;
  readonly name: string;
  /** What it is called on the server; `null` for the one of the host itself. */
  readonly serverName: string | null;
  readonly state: 'creating' | 'ready' | 'dropping';
  readonly profile: DatabaseProfile;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Projects and their databases, as the host remembers them. */
export interface ProjectStore {
  /** By id. */
  list(): Promise<ProjectRecord[]>;
  get(id: string): Promise<ProjectRecord | null>;
  /** @throws `E_EXISTS` */
  add(project: Omit<ProjectRecord, 'createdAt'>): Promise<ProjectRecord>;
  /** False: it is not there, has a database, or is the one that always is. */
  remove(id: string): Promise<boolean>;
  /** By project and name; `null`: of all projects. */
  databases(project: string | null): Promise<DatabaseRecord[]>;
  database(project: string, name: string): Promise<DatabaseRecord | null>;
  /** Puts one on record that is being made. @throws `E_EXISTS` */
  begin(database: Omit<DatabaseRecord, 'createdAt' | 'state'>): Promise<DatabaseRecord>;
  change(
    project: string,
    name: string,
    to: Pick<DatabaseRecord, 'state'> & { readonly serverName?: string; readonly profile?: DatabaseProfile },
  ): Promise<void>;
  forget(project: string, name: string): Promise<void>;
  /** How many somebody has made. */
  countOf(createdBy: string): Promise<number>;
}

export type JobState = 'running' | 'succeeded' | 'failed';

export interface JobError {
  readonly code: string;
  readonly detail: string;
}

/** Which migrations an extension is at: name to checksum. */
export type ExtensionMigrations = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface BackupRecord {
  readonly id: string;
  readonly project: string;
  readonly database: string;
  readonly state: JobState;
  /** The machine its file is on. */
  readonly node: string;
  readonly sizeBytes: number;
  /** Of the file; `null` until it is whole. */
  readonly sha256: string | null;
  /** `server_version_num` */
  readonly serverVersion: number;
  readonly toolsVersion: string;
  readonly profile: DatabaseProfile;
  /** Of the extensions whose schemas are in it. */
  readonly migrations: ExtensionMigrations;
  readonly error: JobError | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export interface RestoreRecord {
  readonly id: string;
  readonly backupId: string;
  readonly state: JobState;
  /** A database that nobody needs when this has ended: the new one, or the one it took the place of. */
  readonly intoName: string | null;
  readonly error: JobError | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** Backups and restores, as the host remembers them. */
export interface BackupStore {
  /** Oldest first. */
  list(project: string): Promise<BackupRecord[]>;
  get(id: string): Promise<BackupRecord | null>;
  begin(
    backup: Pick<
      BackupRecord,
      | 'id'
      | 'project'
      | 'database'
      | 'node'
      | 'serverVersion'
      | 'toolsVersion'
      | 'profile'
      | 'migrations'
      | 'createdBy'
    >,
  ): Promise<BackupRecord>;
  /** Ends one that runs; what has ended stays as it is. */
  end(id: string, outcome: { sizeBytes: number; sha256: string } | JobError): Promise<void>;
  remove(id: string): Promise<void>;
  /** Newest first. */
  restores(backupId: string): Promise<RestoreRecord[]>;
  beginRestore(
    restore: Pick<RestoreRecord, 'id' | 'backupId' | 'intoName' | 'createdBy'>,
  ): Promise<RestoreRecord>;
  endRestore(id: string, error: JobError | null): Promise<void>;
  /**
   * Puts the new database in the place of the one there is, and ends the restore, in one step.
   * @returns what is to be dropped now: the one that was there
   */
  swap(restore: RestoreRecord, backup: BackupRecord): Promise<string | null>;
  /** Nothing is left of it. */
  dropped(restoreId: string): Promise<void>;
  /** What was under way when its host stopped, if nobody holds the lock of its database. */
  unfinished(): Promise<{
    backups: BackupRecord[];
    restores: (RestoreRecord & Pick<BackupRecord, 'project' | 'database'>)[];
  }>;
}
