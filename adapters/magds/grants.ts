import type { PoolClient } from 'pg';
import type { Grant } from '../../kernel/ports.ts';
import { quoted } from './names.ts';
import { isReservedSchema } from './relations.ts';
import { lockCatalogue } from './roles.ts';

/** A right as the server stores it; `kind` is the word GRANT uses for the object. */
interface Right {
  readonly kind: 'SCHEMA' | 'TABLE' | 'SEQUENCE';
  readonly schema: string;
  /** `''` for the schema itself. */
  readonly name: string;
  readonly privilege: string;
}

interface ServerRelation {
  readonly schema: string;
  readonly name: string;
  /** Whether the schema has to be, and can be, opened to the role. */
  readonly opens: boolean;
  /** Sequences behind defaults of its columns: an INSERT advances them with the rights of the role. */
  readonly sequences: readonly { schema: string; name: string }[];
}

/** Only those the host may hand on: on an external server others own tables too. */
const RELATIONS = `
  SELECT n.nspname AS schema, c.relname AS name, pg_has_role(n.nspowner, 'USAGE') AS opens, coalesce((
    SELECT json_agg(json_build_object('schema', sn.nspname, 'name', s.relname))
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid = c.oid AND d.deptype = 'a'), '[]') AS sequences
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_has_role(c.relowner, 'USAGE')
    AND n.nspname NOT IN ('mag', 'mag_ext', 'magflock', 'information_schema') AND n.nspname !~ '^(pg_|ext_)'`;

/** Outside of its own schema and `mag_ext`: what is in these is its own or was granted when it was provisioned. */
const HELD = `
  SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, n.nspname AS schema,
    c.relname AS name, acl.privilege_type AS privilege
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) acl
  WHERE acl.grantee = to_regrole(quote_ident($1))::oid AND n.nspname NOT IN ($2, 'mag_ext')
  UNION ALL
  SELECT 'SCHEMA', n.nspname, '', acl.privilege_type
  FROM pg_namespace n, aclexplode(n.nspacl) acl
  WHERE acl.grantee = to_regrole(quote_ident($1))::oid AND n.nspname NOT IN ($2, 'mag_ext')`;

/**
 * Makes what a role holds outside of its schema exactly what its grants say, in the caller's transaction.
 * `database.schema` has no counterpart: only owners alter tables, so such statements are run for it.
 * @returns what the grants name and the server does not have or the host does not own, each `schema.name` or `schema`
 */
export async function mirrorGrants(
  client: PoolClient,
  account: { readonly role: string; readonly ownSchema: string },
  grants: readonly Grant[],
): Promise<string[]> {
  await lockCatalogue(client);
  const { rows: relations } = await client.query<ServerRelation>(RELATIONS);
  const held = await client.query<Right>(HELD, [account.role, account.ownSchema]);
  const wanted = new Map(wantedRights(relations, grants).map((right) => [keyOf(right), right]));
  const present = new Set(held.rows.map(keyOf));
  const role = quoted(account.role);
  for (const right of held.rows) {
    if (!wanted.has(keyOf(right))) await client.query(`REVOKE ${clause(right)} FROM ${role}`);
  }
  for (const [key, right] of wanted) {
    if (!present.has(key)) await client.query(`GRANT ${clause(right)} TO ${role}`);
  }
  return missing(relations, grants);
}

const PRIVILEGES: Readonly<Record<string, readonly string[]>> = {
  'database.read': ['SELECT'],
  'database.write': ['INSERT', 'UPDATE', 'DELETE'],
};

function wantedRights(relations: readonly ServerRelation[], grants: readonly Grant[]): Right[] {
  return grants.flatMap((grant) => {
    const privileges = PRIVILEGES[grant.capability] ?? [];
    const covered = privileges.length === 0 ? [] : relations.filter((relation) => covers(grant, relation));
    return covered.flatMap((relation) => rightsOn(relation, privileges));
  });
}

/** A scope that mentions no relation, `{}`, covers none: a right is never read into an omission. */
function covers({ scope }: Grant, { schema, name }: ServerRelation): boolean {
  if (isReservedSchema(schema)) return false;
  if (scope === null) return true;
  return entries(scope, 'tables').includes(`${schema}.${name}`) || entries(scope, 'schemas').includes(schema);
}

function rightsOn(relation: ServerRelation, privileges: readonly string[]): Right[] {
  const { schema, name } = relation;
  const usage: Right[] = relation.opens ? [{ kind: 'SCHEMA', schema, name: '', privilege: 'USAGE' }] : [];
  const rights = privileges.map((privilege): Right => ({ kind: 'TABLE', schema, name, privilege }));
  if (!privileges.includes('INSERT')) return [...usage, ...rights];
  const sequences = relation.sequences.map(
    (sequence): Right => ({ kind: 'SEQUENCE', ...sequence, privilege: 'USAGE' }),
  );
  return [...usage, ...rights, ...sequences];
}

function missing(relations: readonly ServerRelation[], grants: readonly Grant[]): string[] {
  const known = new Set(relations.flatMap(({ schema, name }) => [schema, `${schema}.${name}`]));
  const named = grants.flatMap(({ capability, scope }) =>
    scope === null || !capability.startsWith('database.')
      ? []
      : [...entries(scope, 'tables'), ...entries(scope, 'schemas')],
  );
  return [...new Set(named)].filter((name) => !known.has(name));
}

function entries(scope: NonNullable<Grant['scope']>, key: string): readonly string[] {
  return Object.hasOwn(scope, key) ? (scope[key] ?? []) : [];
}

function clause({ kind, schema, name, privilege }: Right): string {
  return `${privilege} ON ${kind} ${name === '' ? quoted(schema) : quoted(schema, name)}`;
}

function keyOf({ kind, schema, name, privilege }: Right): string {
  return [kind, schema, name, privilege].join('\0');
}
