import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { ADVISORY_LOCKS } from './advisory-locks.ts';
import type { Database, Querier } from './database.ts';
import { sqlStateOf } from './database-errors.ts';

const FOLDER = join(import.meta.dirname, 'migrations');
const INSUFFICIENT_PRIVILEGE = '42501';
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

interface HostMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly sql: string;
}

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Brings the schema `mag` up to date: everything in one transaction, one host at a time. Returns the names of
 * what ran now.
 * @param folder where the numbered files are, for tests
 * @throws `E_CONFIG` when the database was migrated by a newer host, or by files that read differently
 */
export async function migrate(database: Database, folder = FOLDER): Promise<string[]> {
  const files = await readMigrations(folder);
  return database
    .transaction((transaction) => run(transaction, files))
    .catch((error: unknown) => {
      if (sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      throw new MagError('E_CONFIG', 'DATABASE_URL: its user may not create a schema or change its tables.', {
        cause: error,
      });
    });
}

async function run(transaction: Querier, files: readonly HostMigration[]): Promise<string[]> {
  await transaction.query('SET LOCAL statement_timeout = 0');
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCKS.migrations]);
  await transaction.query('CREATE SCHEMA IF NOT EXISTS mag');
  await transaction.query(
    `CREATE TABLE IF NOT EXISTS mag.migrations (
         number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
         applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const applied = await transaction.query<AppliedMigration>(
    'SELECT number, name, checksum FROM mag.migrations ORDER BY number',
  );
  return applyMissing(transaction, files, applied);
}

async function applyMissing(
  transaction: Querier,
  files: readonly HostMigration[],
  applied: readonly AppliedMigration[],
): Promise<string[]> {
  const known = new Map(files.map((file) => [file.number, file]));
  for (const row of applied) checkApplied(row, known.get(row.number));
  const done = new Set(applied.map((row) => row.number));
  const missing = files.filter((file) => !done.has(file.number));
  for (const file of missing) {
    await transaction.query(file.sql);
    await transaction.query('INSERT INTO mag.migrations (number, name, checksum) VALUES ($1, $2, $3)', [
      file.number,
      file.name,
      file.checksum,
    ]);
  }
  return missing.map((file) => file.name);
}

function checkApplied(row: AppliedMigration, file: HostMigration | undefined): void {
  if (file === undefined) {
    throw new MagError(
      'E_CONFIG',
      `The database was migrated by a newer MagFlock (${row.name}): run that version, or another database.`,
    );
  }
  if (file.checksum === row.checksum) return;
  throw new MagError('E_CONFIG', `The migration ${row.name} ran with another content than it has now.`);
}

async function readMigrations(folder: string): Promise<HostMigration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (fileName, index) => {
      const number = numberOf(fileName);
      // Work that is done side by side takes its numbers beforehand: there may be a gap until all of it is here.
      if (!(number > (index === 0 ? 0 : numberOf(names[index - 1] ?? '')))) {
        throw new MagError('E_INTERNAL', `The migration ${fileName} is misnumbered.`);
      }
      // The same file counts as the same, however git ended its lines.
      const sql = (await readFile(join(folder, fileName), 'utf8')).replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { number, name: fileName.slice(0, -'.sql'.length), checksum, sql };
    }),
  );
}

/** Not a number, when the name is that of no migration. */
function numberOf(fileName: string): number {
  return Number(FILE_NAME.exec(fileName)?.[1]);
}
