import { forbidden } from './forbidden.ts';
import type { TreeNode } from './syntax-tree.ts';

/** A relation as the gate sees it. `schema` is `null` for the extension's own. */
export interface Relation {
  readonly schema: string | null;
  readonly name: string;
}

/** `magflock` is where each database of a project keeps which migrations it is at. */
const RESERVED: ReadonlySet<string> = new Set(['mag', 'mag_ext', 'magflock', 'information_schema']);

/** Schemas nobody reaches with SQL, whatever was granted: catalogues, the host's own, other extensions'. */
export function isReservedSchema(schema: string): boolean {
  return RESERVED.has(schema) || /^(pg_|ext_)/.test(schema);
}

/**
 * Resolves a name as the server will: an unqualified one only in the own schema, which is all of the search
 * path besides pg_catalog. @throws `E_SQL_FORBIDDEN` for what no grant covers
 */
export function resolveRelation(range: TreeNode, ownSchema: string): Relation {
  const name = text(range.relname);
  const schema = text(range.schemaname);
  if (range.catalogname !== undefined) throw forbidden('A relation is not qualified with a database.');
  if (range.relpersistence === 't') throw forbidden('Temporary relations are not available.');
  if (schema === '') {
    if (name.startsWith('pg_')) throw forbidden(`The system catalogue ${name} may not be used.`);
    return { schema: null, name };
  }
  if (schema === ownSchema) return { schema: null, name };
  if (isReservedSchema(schema)) throw forbidden(`The schema ${schema} may not be used.`);
  // Scopes are written schema.name: with a dot inside, two relations would share one.
  if (`${schema}${name}`.includes('.')) throw forbidden('Names with a dot inside may not be used.');
  return { schema, name };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
