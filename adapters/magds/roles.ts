import { randomBytes } from 'node:crypto';
import { escapeLiteral, type PoolClient } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { quoted, roleName, schemaName } from './names.ts';
import { adoptObjects } from './orphaned-objects.ts';

/** Sessions of one extension on the server, over all hosts. */
const CONNECTION_LIMIT = 8;

/** Serialises what changes roles and rights: Postgres fails concurrent changes of the same catalogue row. */
const CATALOGUE_LOCK = 5_577_003_300_100;

/** What every session of a role starts with. The gate lets no statement change it. */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  statement_timeout: '10s',
  lock_timeout: '3s',
  idle_in_transaction_session_timeout: '15s',
  // With it off, a backslash would end strings elsewhere than the gate's parser believes.
  standard_conforming_strings: 'on',
  row_security: 'on',
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'iso_8601',
  bytea_output: 'hex',
};

/** The account of an extension, as the host remembers it. */
export interface RoleAccount {
  readonly role: string;
  readonly password: string;
}

export async function lockCatalogue(client: PoolClient): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [CATALOGUE_LOCK]);
}

/** @returns `null` when the extension was never provisioned here */
export async function findAccount(
  client: Pick<PoolClient, 'query'>,
  extension: ExtensionId,
): Promise<RoleAccount | null> {
  const { rows } = await client.query<RoleAccount>(
    'SELECT role, password FROM mag.extension_roles WHERE extension_id = $1',
    [extension],
  );
  return rows[0] ?? null;
}

/** Creates the role and its schema, or brings them back to what they must be. */
export async function provisionRole(
  client: PoolClient,
  extension: ExtensionId,
  database: string,
): Promise<void> {
  await lockCatalogue(client);
  const account = (await findAccount(client, extension)) ?? {
    role: roleName(extension, database),
    password: randomBytes(32).toString('hex'),
  };
  await client.query(
    'INSERT INTO mag.extension_roles (extension_id, role, password) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [extension, account.role, account.password],
  );
  await ensureRole(client, account);
  await ensureSchema(client, account.role, schemaName(extension));
  await openHostFunctions(client, account.role);
  await limitPublicRights(client, account.role, database);
}

async function ensureRole(client: PoolClient, { role, password }: RoleAccount): Promise<void> {
  const { rows } = await client.query<{ powerful: boolean }>(
    `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
       OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS powerful
     FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  if (rows[0]?.powerful === true) {
    throw new MagError('E_STATE', `The database role ${role} has rights no extension may have; drop it.`);
  }
  const name = quoted(role);
  if (rows.length === 0) {
    await client.query(`CREATE ROLE ${name} NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`);
  }
  await useHostPowers(client, name);
  await client.query(
    `ALTER ROLE ${name} LOGIN CONNECTION LIMIT ${CONNECTION_LIMIT} PASSWORD ${escapeLiteral(password)}`,
  );
}

/**
 * A superuser can also cap the temporary files of the role, which no other setting does. Any other host may
 * only act on what the role owns as a member of it.
 */
async function useHostPowers(client: PoolClient, role: string): Promise<void> {
  const { rows } = await client.query<{ super: boolean }>(
    'SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user',
  );
  await client.query(
    rows[0]?.super === true
      ? `ALTER ROLE ${role} SET temp_file_limit = '512MB'`
      : `GRANT ${role} TO CURRENT_USER`,
  );
}

/**
 * The schema belongs to the host: the role creates in it, but can neither hand it on nor drop it, and the
 * host can always drop it with everything inside.
 */
async function ensureSchema(client: PoolClient, role: string, schema: string): Promise<void> {
  const name = quoted(role);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`);
  await client.query(`GRANT USAGE, CREATE ON SCHEMA ${quoted(schema)} TO ${name}`);
  await adoptObjects(client, schema, role);
  for (const [setting, value] of Object.entries(SESSION_SETTINGS)) {
    await client.query(`ALTER ROLE ${name} SET ${setting} = ${escapeLiteral(value)}`);
  }
  await client.query(`ALTER ROLE ${name} SET search_path = ${quoted(schema)}`);
}

/** What the host does in its own schema on the connections of an extension; the gate lets no SQL call them. */
async function openHostFunctions(client: PoolClient, role: string): Promise<void> {
  await client.query(`GRANT USAGE ON SCHEMA mag_ext TO ${quoted(role)}`);
  await client.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mag_ext TO ${quoted(role)}`);
}

/**
 * What Postgres grants to everybody and an extension must not have. CONNECT to other databases of the server
 * is left as it is: it may be what other programs live on, and the password never leaves this host, whose
 * connections all go to this database.
 */
async function limitPublicRights(client: PoolClient, role: string, database: string): Promise<void> {
  const rights = await heldRights(client, role);
  if (rights.temporary) await client.query(`REVOKE TEMPORARY ON DATABASE ${quoted(database)} FROM PUBLIC`);
  if (rights.create) await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  await client.query(`GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(role)}`);
  const left = await heldRights(client, role);
  if (!left.temporary && !left.create && !left.mag) return;
  throw new MagError(
    'E_CONFIG',
    'Every role may use schema mag, create in schema public or create temporary tables in this database, and the account of the host may not change that: run REVOKE TEMPORARY ON DATABASE, REVOKE CREATE ON SCHEMA public and REVOKE ALL ON SCHEMA mag, each FROM PUBLIC, as the owner.',
  );
}

async function heldRights(
  client: PoolClient,
  role: string,
): Promise<{ temporary: boolean; create: boolean; mag: boolean }> {
  const { rows } = await client.query<{ temporary: boolean; create: boolean; mag: boolean }>(
    `SELECT has_database_privilege($1, current_database(), 'TEMPORARY') AS temporary,
       coalesce(has_schema_privilege($1, to_regnamespace('public')::oid, 'CREATE'), false) AS create,
       has_schema_privilege($1, 'mag', 'USAGE') AS mag`,
    [role],
  );
  return rows[0] ?? { temporary: true, create: true, mag: true };
}

/** Ends its sessions and removes the role; what it owned goes to the host. */
export async function dropRole(client: PoolClient, extension: ExtensionId): Promise<void> {
  await lockCatalogue(client);
  const account = await findAccount(client, extension);
  if (account === null) return;
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [account.role]);
  if (rowCount === 1) {
    const name = quoted(account.role);
    await client.query(`ALTER ROLE ${name} NOLOGIN`);
    await client.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1', [
      account.role,
    ]);
    await client.query(`REASSIGN OWNED BY ${name} TO CURRENT_USER`);
    await client.query(`DROP OWNED BY ${name}`);
    await client.query(`DROP ROLE ${name}`);
  }
  await client.query('DELETE FROM mag.extension_roles WHERE extension_id = $1', [extension]);
}
