import type { PoolClient } from 'pg';

/**
 * Statements that hand everything in a schema to a role. Indexes, partitions' indexes and sequences of a
 * column follow their table; the row types of tables follow too.
 */
const OWNER_CHANGES = `
  SELECT format('ALTER %s %I.%I OWNER TO %I',
    CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
      WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, n.nspname, c.relname, $2::text) AS change
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c')
    AND c.relowner <> to_regrole(quote_ident($2))::oid
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
  UNION ALL
  SELECT format('ALTER %s %I.%I OWNER TO %I',
    CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.nspname, t.typname, $2::text)
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname = $1 AND t.typtype IN ('d', 'e', 'r') AND t.typowner <> to_regrole(quote_ident($2))::oid
  UNION ALL
  SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, $2::text)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = $1 AND p.proowner <> to_regrole(quote_ident($2))::oid`;

/** After an uninstall that kept the data, the next role takes over what is in the schema. */
export async function adoptObjects(client: PoolClient, schema: string, role: string): Promise<void> {
  const { rows } = await client.query<{ change: string }>(OWNER_CHANGES, [schema, role]);
  for (const { change } of rows) await client.query(change);
}
