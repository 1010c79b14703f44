import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { findPostgresTools } from '../../host/storage/postgres-tools.ts';
import { createDatabaseOn, type TestDatabase } from './database.ts';
import { onServer } from './on-server.ts';

/** A server that this machine has `pg_dump` for; the embedded one is newer than what distributions ship. */
const SERVER = process.env.TEST_BACKUP_DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres';

/** Why backups cannot be tested on this machine; `null`: they can. */
export async function whyNoBackupServer(): Promise<string | null> {
  const client = new pg.Client({ connectionString: SERVER, connectionTimeoutMillis: 3_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    );
    await findPostgresTools({ folder: null, path: process.env.PATH ?? '' }, rows[0]?.version ?? 0);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** A database on that server, owned by an account that is no superuser; `drop` removes all that was made for it. */
export async function createBackupDatabase(): Promise<TestDatabase> {
  const database = await createDatabaseOn(SERVER);
  const name = new URL(database.url).pathname.slice(1);
  const account = `mag_test_host_${randomBytes(6).toString('hex')}`;
  await database.pool.query(
    `CREATE ROLE ${account} LOGIN CREATEDB CREATEROLE BYPASSRLS PASSWORD 'secret-of-the-test'`,
  );
  await database.pool.query(`ALTER DATABASE ${name} OWNER TO ${account}`);
  const address = new URL(database.url);
  [address.username, address.password] = [account, 'secret-of-the-test'];
  return {
    ...database,
    url: address.href,
    async drop() {
      const { rows: roles } = await database.pool.query<{ role: string }>(
        `SELECT r.rolname AS role FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
         WHERE m.member = $1::regrole`,
        [account],
      );
      const { rows: databases } = await database.pool.query<{ name: string }>(
        'SELECT datname AS name FROM pg_database WHERE datdba = $1::regrole AND datname <> $2',
        [account, name],
      );
      for (const one of databases)
        await onServer(SERVER, `DROP DATABASE IF EXISTS "${one.name}" WITH (FORCE)`);
      await database.drop();
      for (const { role } of roles) await onServer(SERVER, `DROP ROLE IF EXISTS "${role}"`);
      await onServer(SERVER, `DROP ROLE ${account}`);
    },
  };
}
