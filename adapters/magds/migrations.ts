import pg from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { MigrationFile } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostConnection } from './host-connection.ts';
import { checksumOf, createMigrationRecords, type Direction } from './migration-records.ts';
import { checkMigration } from './migration-rules.ts';
import { schemaName } from './names.ts';
import type { SqlParser } from './parser.ts';
import { findAccount, type RoleAccount } from './roles.ts';

/** First key of the advisory locks that keep two hosts from migrating one extension at once. */
const LOCK_SPACE = 557_703;

export interface Migrations {
  /** Both: @returns the names of what ran @throws `E_MIGRATION`, `E_MIGRATION_CHANGED`, `E_STORAGE` */
  up(extension: ExtensionId, files: readonly MigrationFile[]): Promise<string[]>;
  down(
    extension: ExtensionId,
    files: readonly MigrationFile[],
    except?: readonly string[],
  ): Promise<string[]>;
}

/**
 * @param ask is asked before migrations run, and may throw. Not before they are taken back: that is how what
 *   was begun is undone, and nobody may keep it from that
 */
export function createMigrations(
  host: HostConnection,
  parser: SqlParser,
  ask: (extension: ExtensionId, migrations: readonly string[]) => Promise<void>,
): Migrations {
  const records = createMigrationRecords(host.pool);

  async function run(extension: ExtensionId, files: readonly MigrationFile[], direction: Direction) {
    for (const file of files) {
      await checkMigration(parser, file.name, textOf(file, direction), schemaName(extension));
    }
    const account = await findAccount(host.pool, extension);
    if (account === null) throw new MagError('E_MIGRATION', 'The extension has no schema yet.');
    const session = await openSession(host, account);
    try {
      await records.begin(extension, files, direction, await beginTransaction(session));
      for (const file of files) await runFile(session, file, direction);
      await session.query('COMMIT');
    } catch (thrown) {
      throw migrationError(thrown, 'the last one');
    } finally {
      // Ends the transaction whatever happened to it, so that it can be settled.
      await session.end();
      await records.settle(extension);
    }
    return files.map((file) => file.name);
  }

  return {
    up: (extension, files) =>
      serialised(host, extension, async () => {
        const applied = await records.applied(extension);
        const pending = pendingFiles(files, applied);
        if (pending.length === 0) return [];
        await ask(
          extension,
          pending.map(({ name }) => name),
        );
        return run(extension, pending, 'up');
      }),
    down: (extension, files, except = []) =>
      serialised(host, extension, async () => {
        const applied = await records.applied(extension);
        const reverted = revertedFiles(files, applied, except);
        return reverted.length === 0 ? [] : run(extension, reverted, 'down');
      }),
  };
}

/** @throws `E_MIGRATION_CHANGED` when one that ran reads differently now */
function pendingFiles(
  files: readonly MigrationFile[],
  applied: ReadonlyMap<string, string>,
): MigrationFile[] {
  for (const file of files) {
    const checksum = applied.get(file.name);
    if (checksum !== undefined && checksum !== checksumOf(file)) {
      throw new MagError('E_MIGRATION_CHANGED', `The migration ${file.name} was changed after it ran.`);
    }
  }
  return files.filter((file) => !applied.has(file.name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function revertedFiles(
  files: readonly MigrationFile[],
  applied: ReadonlyMap<string, string>,
  except: readonly string[],
): MigrationFile[] {
  const known = new Map(files.map((file) => [file.name, file]));
  const names = [...applied.keys()].filter((name) => !except.includes(name));
  return names.reverse().map((name) => {
    const file = known.get(name);
    if (file === undefined || file.down === null) {
      throw new MagError('E_MIGRATION', `The migration ${name} has no down file: it is irreversible.`);
    }
    return file;
  });
}

function textOf(file: MigrationFile, direction: Direction): string {
  return direction === 'up' ? file.up : (file.down ?? '');
}

/** One migration of an extension at a time. The lock is the session's, and falls with it. */
async function serialised<T>(
  host: HostConnection,
  extension: ExtensionId,
  work: () => Promise<T>,
): Promise<T> {
  const client = await host.pool.connect();
  try {
    await client.query('SET statement_timeout = 0');
    await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_SPACE, extension]);
    return await work();
  } finally {
    client.release(true);
  }
}

/**
 * A session of the role itself. A host session that did SET ROLE would hand the text the way back: RESET ROLE.
 */
async function openSession(host: HostConnection, account: RoleAccount): Promise<pg.Client> {
  const session = new pg.Client({
    ...host.target,
    user: account.role,
    password: account.password,
    application_name: host.applicationName, // whoever takes over from the host ends this one too
    connectionTimeoutMillis: 10_000,
  });
  // A lost connection fails the statement under way; the event alone would end the host.
  session.on('error', () => undefined);
  await session.connect().catch((cause: unknown) => {
    throw new MagError('E_STORAGE', 'The database does not answer the role of the extension.', { cause });
  });
  return session;
}

async function beginTransaction(session: pg.Client): Promise<string> {
  await session.query("BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '5s'");
  const { rows } = await session.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
  return rows[0]?.id ?? '';
}

async function runFile(session: pg.Client, file: MigrationFile, direction: Direction): Promise<void> {
  try {
    await session.query(textOf(file, direction));
  } catch (thrown) {
    throw migrationError(thrown, file.name);
  }
}

/** The server's message is about the author's own migration, and told. */
function migrationError(thrown: unknown, name: string): MagError {
  if (thrown instanceof MagError) return thrown;
  const refused = thrown instanceof pg.DatabaseError;
  const why = refused ? `${thrown.code ?? ''} ${thrown.message}` : 'the connection was lost';
  return new MagError('E_MIGRATION', `The migration ${name} failed and was undone: ${why}`, {
    cause: thrown,
  });
}
