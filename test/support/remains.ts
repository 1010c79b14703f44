import { roleName, schemaName } from '../../adapters/magds/names.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { TestDatabase } from './database.ts';

/** Of what was never installed, or is gone without a trace. */
export const NOTHING = { schemas: 0, roles: 0, grants: 0, locks: 0 };

/** What of an extension is in the places where an installed one has something, and a broken install would leave it. */
export async function remainsOf({ pool, url }: TestDatabase, id: ExtensionId): Promise<typeof NOTHING> {
  const count = async (sql: string, value: string) =>
    Number((await pool.query(`SELECT count(*) FROM ${sql} = $1`, [value])).rows[0].count);
  const database = new URL(url).pathname.slice(1);
  return {
    schemas: await count('pg_namespace WHERE nspname', schemaName(id)),
    roles: await count('pg_roles WHERE rolname', roleName(id, database)),
    grants: await count('mag.grants WHERE extension', id),
    locks: await count('mag.operation_locks WHERE extension', id),
  };
}
