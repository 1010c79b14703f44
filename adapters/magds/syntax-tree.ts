import { MagError } from '../../kernel/errors.ts';

/** A node of the parser's tree: `{ SelectStmt: { … } }` where any node may stand, else just its fields. */
export type TreeNode = Readonly<Record<string, unknown>>;

/** Levels of objects and lists a tree may have; one operator of an expression takes about three. */
const MAX_DEPTH = 2_500;

export interface Visit {
  readonly node: TreeNode;
  /** The type, where the grammar allows any node; `null` where it allows only this one. */
  readonly type: string | null;
  /** The field that holds it, or the list it is in. */
  readonly field: string;
  /** Names of the common table expressions that are visible here. */
  readonly ctes: ReadonlySet<string>;
}

export function isTreeNode(value: unknown): value is TreeNode {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The type and the fields of a node such as `{ SelectStmt: { … } }`, or `null` if it is no such node. */
export function unwrap(value: unknown): { type: string; body: TreeNode } | null {
  if (!isTreeNode(value)) return null;
  const keys = Object.keys(value);
  const type = keys[0];
  if (type === undefined || keys.length > 1 || !/^[A-Z]/.test(type)) return null;
  const body = value[type];
  return isTreeNode(body) ? { type, body } : null;
}

/** The strings of a name list: `[{ String: { sval: 'public' } }, …]`. Anything else in it becomes `''`. */
export function nameParts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.map((part) => {
    const text = unwrap(part)?.body.sval;
    return typeof text === 'string' ? text : '';
  });
}

/**
 * Visits every object of the tree, parents first, whatever the parser calls it: what a list of known places
 * would miss is found here. @throws `E_SQL_FORBIDDEN` when it is too deep
 */
export function walk(root: TreeNode, visitor: (visit: Visit) => void): void {
  descend(root, 'stmt', new Set(), 0, visitor);
}

type Names = ReadonlySet<string>;
type Visitor = (visit: Visit) => void;

function descend(value: unknown, field: string, ctes: Names, depth: number, visitor: Visitor): void {
  // Most values are text and numbers, and this runs once for each of them.
  if (value === null || typeof value !== 'object') return;
  if (depth > MAX_DEPTH) throw new MagError('E_SQL_FORBIDDEN', 'The statement is nested too deeply.');
  if (Array.isArray(value)) {
    for (const item of value) descend(item, field, ctes, depth + 1, visitor);
    return;
  }
  const wrapped = unwrap(value);
  const node = wrapped?.body ?? (value as TreeNode);
  visitor({ node, type: wrapped?.type ?? null, field, ctes });
  const withClause = isTreeNode(node.withClause) ? node.withClause : null;
  const visible = withClause === null ? ctes : enterWith(withClause, ctes, depth, visitor);
  for (const key of Object.keys(node)) {
    if (key !== 'withClause') descend(node[key], key, visible, depth + 1, visitor);
  }
}

/** Postgres: a query of a plain WITH sees only the names before it, one of WITH RECURSIVE all of them. */
function enterWith(clause: TreeNode, outer: Names, depth: number, visitor: Visitor): Names {
  const queries = Array.isArray(clause.ctes) ? clause.ctes : [];
  const names = queries.map((query) => String(unwrap(query)?.body.ctename));
  const all = new Set([...outer, ...names]);
  const before = new Set(outer);
  for (const [index, query] of queries.entries()) {
    descend(query, 'ctes', clause.recursive === true ? all : before, depth + 1, visitor);
    before.add(names[index] ?? '');
  }
  return all;
}
