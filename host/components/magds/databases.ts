import { randomBytes } from 'node:crypto';
import { quoted } from '../../../adapters/magds/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import { sqlStateOf } from '../../storage/database-errors.ts';
import { dropOwner } from './owner-role.ts';
import { announce, databaseOf, holdDatabase, type Parts, projectOf, serverNameOf } from './parts.ts';
import type { Asker, DatabaseProfile, DatabaseRecord, ProjectRecord } from './ports.ts';
import { applySettings, checkedProfile, installExtensions } from './profile.ts';

/** Of one project. */
const MAX_DATABASES = 100;
const NO_RIGHT = '42501';

export interface NewDatabase {
  readonly name: string;
  readonly extensions?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}

/** The databases of projects: real ones, beside that of the host. */
export class Databases {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws `E_NOT_FOUND` when there is no such project */
  async list(project: string): Promise<DatabaseRecord[]> {
    await projectOf(this.#parts, project);
    return this.#parts.projects.databases(project);
  }

  /** @throws `E_NOT_FOUND`, `E_BUSY` */
  async get(project: string, name: string): Promise<DatabaseRecord & { sizeBytes: number }> {
    const record = await databaseOf(this.#parts, project, name);
    const [row] = await this.#parts.server.platform.query<{ size: number }>(
      'SELECT pg_database_size($1::name) AS size',
      [serverNameOf(this.#parts, record)],
    );
    return { ...record, sizeBytes: row?.size ?? 0 };
  }

  /**
   * Asks the guards, lets taps choose the profile, makes it and tells.
   * @throws `E_NOT_FOUND`, `E_EXISTS`, `E_DB_QUOTA`, `E_DB_PROFILE`, `E_VETO`, `E_BUSY`, `E_CONFIG`, `E_STORAGE`
   */
  async create(projectId: string, wanted: NewDatabase, asker: Asker): Promise<DatabaseRecord> {
    const parts = this.#parts;
    const project = await projectOf(parts, projectId);
    await this.#requireRoom(projectId, wanted.name);
    const about = { project: projectId, database: wanted.name, tenant: project.tenantId };
    const fired = { request: asker.request };
    const { beforeDbCreate, afterDbCreate } = parts.hooks();
    await beforeDbCreate.ask({ ...about, by: asker.id }, fired);
    const profile = await this.#profile(project, wanted, asker);
    const record = await this.make(projectId, wanted.name, profile, asker.id);
    afterDbCreate.tell({ ...about, by: asker.id, ...plain(profile) }, fired);
    await announce(parts, 'database.created', { project: projectId, database: wanted.name }, asker);
    return record;
  }

  /** Makes one and fires nothing. @param fill is given the empty database before anybody else gets at it */
  async make(
    project: string,
    name: string,
    profile: DatabaseProfile,
    createdBy: string,
  ): Promise<DatabaseRecord> {
    await using _lock = await holdDatabase(this.#parts, project, name);
    await this.#settle(project, name);
    const { projects } = this.#parts;
    const serverName = newServerName(project, name);
    await projects.begin({ project, name, serverName, profile, createdBy });
    try {
      await this.createOnServer(serverName, profile);
      await using database = await this.#parts.server.open(serverName);
      await installExtensions(database, profile);
    } catch (error) {
      await this.#discard(project, name, serverName);
      throw error;
    }
    await projects.change(project, name, { state: 'ready' });
    return databaseOf(this.#parts, project, name);
  }

  /** An empty database that only the host may connect to. */
  async createOnServer(serverName: string, profile: DatabaseProfile): Promise<void> {
    const { platform } = this.#parts.server;
    const name = quoted(serverName);
    await platform.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`).catch(explainRefusal);
    await platform.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
    await applySettings(platform, serverName, profile);
  }

  async dropOnServer(serverName: string): Promise<void> {
    await this.#parts.server.platform.query(`DROP DATABASE IF EXISTS ${quoted(serverName)} WITH (FORCE)`);
  }

  /** Removes it with all that is in it. @throws `E_NOT_FOUND`, `E_STATE`, `E_BUSY`, `E_STORAGE` */
  async remove(project: string, name: string, asker: Asker): Promise<void> {
    const { projects } = this.#parts;
    const { serverName } = await databaseOf(this.#parts, project, name);
    if (serverName === null) {
      throw new MagError('E_STATE', 'The database of the host itself is not removed.');
    }
    await using _lock = await holdDatabase(this.#parts, project, name);
    await databaseOf(this.#parts, project, name); // somebody may have been faster
    await projects.change(project, name, { state: 'dropping' });
    await this.#discard(project, name, serverName);
    await announce(this.#parts, 'database.removed', { project, database: name }, asker);
  }

  /** Cleans up after hosts that stopped in the middle of making or removing one. */
  async sweep(): Promise<void> {
    for (const { project, name, state } of await this.#parts.projects.databases(null)) {
      if (state === 'ready') continue;
      const lock = await this.#parts.server.tryLock(`${project}/${name}`);
      if (lock === null) continue; // it is being done
      await using _lock = lock;
      await this.#settle(project, name).catch((error: unknown) =>
        this.#parts.logger.warn({ project, name, reason: messageOf(error) }, 'a database is left over'),
      );
    }
  }

  /** Whoever holds the lock and finds one that is neither there nor gone knows that nobody works on it. */
  async #settle(project: string, name: string): Promise<void> {
    const found = await this.#parts.projects.database(project, name);
    if (found !== null && found.state !== 'ready' && found.serverName !== null) {
      await this.#discard(project, name, found.serverName);
    }
  }

  async #discard(project: string, name: string, serverName: string): Promise<void> {
    await this.dropOnServer(serverName);
    await dropOwner(this.#parts, project, name);
    await this.#parts.projects.forget(project, name);
  }

  async #requireRoom(project: string, name: string): Promise<void> {
    const all = await this.#parts.projects.databases(project);
    if (all.some((one) => one.name === name && one.state === 'ready')) {
      throw new MagError('E_EXISTS', `There is a database ${name} already.`);
    }
    if (all.length < MAX_DATABASES) return;
    throw new MagError('E_DB_QUOTA', `A project has at most ${MAX_DATABASES} databases.`);
  }

  async #profile(project: ProjectRecord, wanted: NewDatabase, asker: Asker): Promise<DatabaseProfile> {
    const { extensions = [], settings = {} } = wanted;
    const asked = {
      project: project.id,
      database: wanted.name,
      tenant: project.tenantId,
      ...plain({ extensions, settings }),
    };
    const { selectProfile } = this.#parts.hooks();
    const chosen = await selectProfile.fire(asked, { request: asker.request });
    return checkedProfile(this.#parts.server.platform, chosen);
  }
}

/** As a value that crosses the wall. */
function plain({ extensions, settings }: DatabaseProfile) {
  return { extensions: [...extensions], settings: { ...settings } };
}

/** Readable in front, and never twice: 63 bytes at most. */
export function newServerName(project: string, name: string): string {
  return `mag_${project.slice(0, 16)}_${name.slice(0, 16)}_${randomBytes(12).toString('hex')}`;
}

function explainRefusal(error: unknown): never {
  if (sqlStateOf(error) !== NO_RIGHT) throw error;
  const detail = 'The account of the host may not create databases: run ALTER ROLE … CREATEDB.';
  throw new MagError('E_CONFIG', detail, { cause: error });
}
