import { createHash } from 'node:crypto';
import { checkProjectMigration } from '../../../adapters/magds/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { Database, Querier } from '../../storage/database.ts';
import { sqlStateOf } from '../../storage/database-errors.ts';
import { mirrorGrants } from './extension-access.ts';
import { asOwner, ensureOwner } from './owner-role.ts';
import { announce, databaseOf, holdDatabase, type Parts, serverNameOf } from './parts.ts';
import type { Asker } from './ports.ts';

export interface AppliedMigration {
  /** `0001_orders` */
  readonly name: string;
  /** `sha256:<hex>` of its text. */
  readonly checksum: string;
  readonly appliedBy: string;
  readonly appliedAt: Date;
}

/** Among the schemas of the database it is about, so that a backup holds what its tables are at. */
const RECORDS = `CREATE SCHEMA IF NOT EXISTS magflock;
  CREATE TABLE IF NOT EXISTS magflock.migrations (
    name text PRIMARY KEY, checksum text NOT NULL, applied_by text NOT NULL,
    applied_at timestamptz(3) NOT NULL DEFAULT now())`;

const COLUMNS = 'name, checksum, applied_by AS "appliedBy", applied_at AS "appliedAt"';

/** Migrations that operators give a database: in order, each once, each in one transaction. */
export class ProjectMigrations {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** In the order they ran. @throws `E_NOT_FOUND`, `E_BUSY`, `E_STORAGE` */
  async list(project: string, name: string): Promise<AppliedMigration[]> {
    const record = await databaseOf(this.#parts, project, name);
    await using database = await this.#parts.server.open(serverNameOf(this.#parts, record));
    return await appliedIn(database); // before it is closed
  }

  /**
   * Runs one, unless it ran already.
   * @throws `E_MIGRATION`, `E_MIGRATION_CHANGED`, `E_VETO`, `E_NOT_FOUND`, `E_BUSY`, `E_STORAGE`
   */
  async apply(
    project: string,
    database: string,
    migration: { readonly name: string; readonly sql: string },
    asker: Asker,
  ): Promise<AppliedMigration> {
    const parts = this.#parts;
    const { name, sql } = migration;
    await checkProjectMigration(parts.parser, name, sql);
    await using _lock = await holdDatabase(parts, project, database);
    const serverName = serverNameOf(parts, await databaseOf(parts, project, database));
    await using host = await parts.server.open(serverName);
    const ran = beforeThis(await appliedIn(host), name, checksumOf(sql));
    if (ran !== null) return ran;
    const about = { project, database, extension: null };
    const fired = { request: asker.request };
    await parts.hooks().beforeMigration.ask({ ...about, migrations: [name] }, fired);
    const role = await ensureOwner(parts, host, project, database);
    await host.query(RECORDS);
    await host.query(`GRANT USAGE ON SCHEMA magflock TO "${role}"`);
    await host.query(`GRANT SELECT, INSERT ON magflock.migrations TO "${role}"`);
    const record = await asOwner(parts, { host, role, serverName }, (session) =>
      session.transaction((transaction) => run(transaction, migration, asker)),
    );
    if (serverName === parts.server.platformName) await mirrorGrants(parts);
    parts.hooks().afterMigration.tell({ ...about, migration: name, direction: 'up' }, fired);
    parts.console.schemaChanged({ project, database, change: 'migration', name }, asker);
    const data = { project, database, migration: name, direction: 'up' };
    await announce(parts, 'database.migration.applied', data, asker);
    return record;
  }
}

async function appliedIn(database: Database): Promise<AppliedMigration[]> {
  const [there] = await database.query<{ there: boolean }>(
    "SELECT to_regclass('magflock.migrations') IS NOT NULL AS there",
  );
  if (there?.there !== true) return [];
  return database.query<AppliedMigration>(`SELECT ${COLUMNS} FROM magflock.migrations ORDER BY name`);
}

/** @returns it, if it ran. @throws `E_MIGRATION_CHANGED`; `E_MIGRATION` when a later one ran already */
function beforeThis(
  applied: readonly AppliedMigration[],
  name: string,
  checksum: string,
): AppliedMigration | null {
  const same = applied.find((one) => one.name === name);
  if (same !== undefined && same.checksum !== checksum) {
    throw new MagError('E_MIGRATION_CHANGED', `The migration ${name} was changed after it ran.`);
  }
  if (same !== undefined) return same;
  const last = applied.at(-1)?.name ?? '';
  if (last < name) return null;
  throw new MagError('E_MIGRATION', `The migration ${name} comes before ${last}, which ran already.`);
}

/** The record commits with what it is about. */
async function run(
  transaction: Querier,
  { name, sql }: { readonly name: string; readonly sql: string },
  asker: Asker,
): Promise<AppliedMigration> {
  try {
    await transaction.query("SET LOCAL search_path = 'public'; SET LOCAL lock_timeout = '10s'");
    await transaction.query(sql);
  } catch (error) {
    throw migrationError(error, name);
  }
  const rows = await transaction.query<AppliedMigration>(
    `INSERT INTO magflock.migrations (name, checksum, applied_by) VALUES ($1, $2, $3) RETURNING ${COLUMNS}`,
    [name, checksumOf(sql), asker.id],
  );
  const [record] = rows;
  if (record === undefined) throw new MagError('E_INTERNAL', 'the record of a migration was not written');
  return record;
}

/** The server's message is about the operator's own migration, and told. */
function migrationError(error: unknown, name: string): MagError {
  const state = sqlStateOf(error);
  const { cause } = error instanceof Error ? error : { cause: error };
  const why = state === undefined ? 'the connection was lost' : `${state} ${messageOf(cause)}`;
  return new MagError('E_MIGRATION', `The migration ${name} failed and was undone: ${why}`, { cause: error });
}

function checksumOf(sql: string): string {
  return `sha256:${createHash('sha256').update(sql).digest('hex')}`;
}
