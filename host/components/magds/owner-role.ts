import { createHash, randomBytes } from 'node:crypto';
import { quoted } from '../../../adapters/magds/index.ts';
import type { Database } from '../../storage/database.ts';
import type { Parts } from './parts.ts';

/** Seconds a role may log in for. It is only asked to while it has something to do. */
const VALID_SECONDS = 600;

/**
 * The role that the migrations of a database run as, and that owns what they make: no superuser, and without
 * rights in the schemas of the host and of extensions. Always the same for a database, so that a backup which
 * names it can be restored after the database was removed.
 */
function ownerRole({ server }: Parts, project: string, name: string): string {
  const hash = createHash('sha256').update(`${server.platformName}\0${project}\0${name}`).digest('hex');
  return `mag_owner_${project.slice(0, 16)}_${name.slice(0, 16)}_${hash.slice(0, 16)}`;
}

/** Makes the role of a database, with its rights there. Nobody can log in as it. @returns its name */
export async function ensureOwner(
  parts: Parts,
  database: Database,
  project: string,
  name: string,
): Promise<string> {
  const role = ownerRole(parts, project, name);
  const [found] = await database.query<{ exists: boolean; super: boolean; name: string }>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS exists, current_database() AS name,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super`,
    [role],
  );
  const by = quoted(role);
  if (found?.exists !== true) {
    await database.query(
      `CREATE ROLE ${by} NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`,
    );
  }
  // Who is no superuser acts on what the role owns as a member of it.
  if (found?.super !== true) await database.query(`GRANT ${by} TO CURRENT_USER`);
  await database.query(`GRANT CONNECT, CREATE ON DATABASE ${quoted(found?.name ?? '')} TO ${by}`);
  await database.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${by}`);
  return role;
}

/** A session as the role: what ran in one of the host could take the host's rights back. */
export async function asOwner<Result>(
  parts: Parts,
  { host, role, serverName }: { host: Database; role: string; serverName: string },
  work: (session: Database) => Promise<Result>,
): Promise<Result> {
  const password = randomBytes(32).toString('hex');
  const until = new Date(Date.now() + VALID_SECONDS * 1_000).toISOString();
  await host.query(
    `ALTER ROLE ${quoted(role)} LOGIN PASSWORD '${password}' VALID UNTIL '${until}' CONNECTION LIMIT 4`,
  );
  try {
    await using session = await parts.server.open(serverName, { role, password });
    return await work(session);
  } finally {
    await host.query(`ALTER ROLE ${quoted(role)} NOLOGIN PASSWORD NULL`);
  }
}

/** After its database is gone. */
export async function dropOwner(parts: Parts, project: string, name: string): Promise<void> {
  await parts.server.platform.query(`DROP ROLE IF EXISTS ${quoted(ownerRole(parts, project, name))}`);
}
