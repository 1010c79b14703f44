import { forbidden } from './forbidden.ts';
import { SAFE_FUNCTIONS } from './functions.ts';
import { nameParts, type TreeNode, unwrap, type Visit } from './syntax-tree.ts';

/**
 * Postgres calls functions without any parentheses: where `(x).f` and `x.f` name no column, they mean `f(x)`.
 * `('/etc/passwd'::text).pg_read_file` reads a file, and so does `x.pg_read_file` for a function in FROM:
 * `SELECT x.pg_read_file FROM lower('/etc/passwd') AS x`. Whether there is such a column is known to the
 * server only, so what could be a call is refused:
 *
 * - `(x).f`, except `(x).*`;
 * - `x.f` where `x` is a function in FROM, unless `f` is in its column list, or is safe to call;
 * - `x.pg_…`, whatever `x` is.
 *
 * For any other `x` the argument is a row, and what else Postgres has for rows is harmless (a test asks it).
 */
export interface AttributeCalls {
  visit(visit: Visit): void;
  /** @throws `E_SQL_FORBIDDEN` */
  check(): void;
}

/** Columns that functions of the server name themselves, and no function is called by: `jsonb_each` has both. */
const NAMED_BY_SERVER = ['key', 'value', 'ordinality'];

export function createAttributeCalls(): AttributeCalls {
  /** Alias to the columns that every function of this alias has, wherever in the statement it stands. */
  const functions = new Map<string, ReadonlySet<string>>();
  const references: (readonly string[])[] = [];
  return {
    visit({ node, type }) {
      if (type === 'RangeFunction') {
        const alias = aliasOf(node);
        const columns = columnsOf(node);
        const known = functions.get(alias);
        functions.set(alias, known === undefined ? columns : shared(known, columns));
      }
      if (type === 'ColumnRef') references.push(nameParts(node.fields));
      if (type === 'A_Indirection' && nameParts(node.indirection).some((part) => part !== '')) {
        throw forbidden('A field is not read with (x).field; use (x).* in a subquery.');
      }
    },
    check() {
      for (const parts of references) if (parts.length > 1) checkReference(parts, functions);
    },
  };
}

function checkReference(parts: readonly string[], functions: ReadonlyMap<string, ReadonlySet<string>>): void {
  const [alias = '', column = ''] = parts.slice(-2);
  // No column of a row that people make is called so, but many functions are.
  if (column.startsWith('pg_')) throw forbidden(`The column ${column} is not qualified.`);
  const columns = functions.get(alias);
  // '' stands for the star of x.*
  if (columns === undefined || column === '' || columns.has(column) || SAFE_FUNCTIONS.has(column)) return;
  throw forbidden(`Name the columns of a function in FROM, as in f() AS ${alias}(${column}).`);
}

function columnsOf(node: TreeNode): Set<string> {
  const definitions = Array.isArray(node.coldeflist) ? node.coldeflist : [];
  const defined = definitions.map((definition) => String(unwrap(definition)?.body.colname));
  return new Set([...nameParts(asNode(node.alias).colnames), ...defined, ...NAMED_BY_SERVER]);
}

function aliasOf(node: TreeNode): string {
  const { aliasname } = asNode(node.alias);
  return typeof aliasname === 'string' ? aliasname : ownName(node);
}

function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter((name) => other.has(name)));
}

/** The name Postgres gives to a function in FROM that has no alias. */
function ownName(node: TreeNode): string {
  const [first] = Array.isArray(node.functions) ? node.functions : [];
  const [call] = asList(unwrap(first)?.body.items);
  const found = unwrap(call);
  if (found?.type !== 'FuncCall') throw forbidden('An expression in FROM needs an alias.');
  return nameParts(found.body.funcname).at(-1) ?? '';
}

function asNode(value: unknown): TreeNode {
  return value !== null && typeof value === 'object' ? (value as TreeNode) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
