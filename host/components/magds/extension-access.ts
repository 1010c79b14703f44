import { quoted } from '../../../adapters/magds/index.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { Parts } from './parts.ts';

interface ExtensionRole {
  readonly extension: ExtensionId;
  readonly role: string;
}

/**
 * Extensions may not see half of a restore, on whatever host they run: their roles cannot log in, and their
 * sessions end. Calls that are under way fail with `E_STORAGE`; transactional deliveries are tried again.
 * @param owner of what operators made; it gets back what was its own, as extensions do
 */
export async function shutOutExtensions(parts: Parts, owner: string): Promise<void> {
  const { platform } = parts.server;
  const roles = (await extensionRoles(parts)).map(({ role }) => role);
  for (const role of roles) await platform.query(`ALTER ROLE ${quoted(role)} NOLOGIN`);
  await platform.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE usename IN (SELECT role FROM mag.extension_roles)`,
  );
  // An account that is no superuser hands tables only to who may create in their schema, and `pg_restore`
  // grants that right last. Nobody can use it meanwhile, and it is taken back below.
  const all = [...roles, owner].map((role) => quoted(role)).join(', ');
  await platform.query(`ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO ${all}`);
}

/** Gives every extension its role, its schema and its rights again, as they are granted now. Idempotent. */
export async function letExtensionsIn(parts: Parts): Promise<void> {
  const { data, grants } = parts;
  await closeSchemas(parts);
  const failures: unknown[] = [];
  for (const { extension } of await extensionRoles(parts)) {
    try {
      await data.syncGrants(extension, await grants.list(extension)); // takes back what is not its own
      await data.provision(extension);
    } catch (failure) {
      failures.push(failure); // the others are let in all the same; this one is tried again by the sweep
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** After operators made tables in the database of the host: what is granted may name them. */
export async function mirrorGrants(parts: Parts): Promise<void> {
  for (const { extension } of await extensionRoles(parts)) {
    await parts.data
      .syncGrants(extension, await parts.grants.list(extension))
      .catch((error: unknown) =>
        parts.logger.warn({ extension, reason: messageOf(error) }, 'grants do not cover new tables yet'),
      );
  }
}

/** Whether a host was stopped, or failed, before it let them in again. Nothing else keeps them out. */
export async function areShutOut({ server }: Parts): Promise<boolean> {
  const [row] = await server.platform.query<{ out: boolean }>(
    `SELECT EXISTS (SELECT FROM mag.extension_roles r JOIN pg_roles p ON p.rolname = r.role
       WHERE NOT p.rolcanlogin) AS out`,
  );
  return row?.out === true;
}

/** Nobody creates in schemas that are made from now on, and no operator in those of extensions. */
async function closeSchemas({ server: { platform } }: Parts): Promise<void> {
  const given = await platform.query<{ role: string }>(
    `SELECT DISTINCT pg_get_userbyid(acl.grantee) AS role FROM pg_default_acl d, aclexplode(d.defaclacl) acl
     WHERE d.defaclobjtype = 'n' AND d.defaclrole = current_user::regrole AND acl.grantee <> d.defaclrole`,
  );
  for (const { role } of given) {
    await platform.query(`ALTER DEFAULT PRIVILEGES REVOKE CREATE ON SCHEMAS FROM ${quoted(role)}`);
  }
  const left = await platform.query<{ schema: string; role: string }>(
    `SELECT DISTINCT n.nspname AS schema, r.rolname AS role FROM pg_namespace n, aclexplode(n.nspacl) acl
     JOIN pg_roles r ON r.oid = acl.grantee
     WHERE r.rolname LIKE 'mag\\_owner\\_%' AND acl.privilege_type = 'CREATE'
       AND (n.nspname = 'magflock' OR n.nspname LIKE 'ext\\_%')`,
  );
  for (const { schema, role } of left) {
    await platform.query(`REVOKE CREATE ON SCHEMA ${quoted(schema)} FROM ${quoted(role)}`);
  }
}

/** Those that are there: the role of an extension that was dropped by hand comes back at its next install. */
function extensionRoles({ server }: Parts): Promise<ExtensionRole[]> {
  return server.platform.query<ExtensionRole>(
    `SELECT extension_id AS extension, role FROM mag.extension_roles r
     WHERE EXISTS (SELECT FROM pg_roles p WHERE p.rolname = r.role) ORDER BY extension_id`,
  );
}
