import type { PoolClient } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import { quoted } from './names.ts';

/**
 * Begins a transaction with the rights of a table's owner, and no others: Postgres lets only owners alter a
 * table, and has no grant for it. What runs in it is one statement of the few the gate lets through for
 * `database.schema`, sent in the protocol that carries only one, so it cannot take the host's rights back.
 * @throws `E_DB` 42P01 when there is no such table
 */
export async function beginAsOwner(
  client: PoolClient,
  table: { readonly schema: string; readonly name: string },
): Promise<void> {
  await client.query(
    "BEGIN; SET LOCAL search_path = ''; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '3s'",
  );
  const { rows } = await client.query<{ owner: string }>(
    `SELECT pg_get_userbyid(c.relowner) AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`,
    [table.schema, table.name],
  );
  const owner = rows[0]?.owner;
  if (owner === undefined) {
    throw new MagError('E_DB', `42P01: there is no table ${table.schema}.${table.name}`);
  }
  await client.query(`SET LOCAL ROLE ${quoted(owner)}`);
}
