import { createAttributeCalls } from './attribute-calls.ts';
import { forbidden } from './forbidden.ts';
import { checkFunction, type FunctionRules } from './functions.ts';
import { type Relation, resolveRelation } from './relations.ts';
import { isTreeNode, nameParts, type TreeNode, type Visit, walk } from './syntax-tree.ts';
import { checkOperators, checkType } from './types-and-operators.ts';

export type Access = 'read' | 'write' | 'schema';

/** One way in which a statement uses a relation. */
export interface RelationUse {
  readonly relation: Relation;
  readonly access: Access;
}

export interface ScanRules extends FunctionRules {
  /** Node types the statement may consist of. */
  readonly nodes: ReadonlySet<string>;
  /** What a relation outside of a FROM list is used for, unless it is the target of a write. */
  readonly namedFor: Access;
}

/**
 * Looks at every node of a statement, and collects the relations it touches.
 * @throws `E_SQL_FORBIDDEN` at the first thing that no capability covers
 */
export function scanStatement(statement: TreeNode, rules: ScanRules): readonly RelationUse[] {
  const uses: RelationUse[] = [];
  const targets = new Map<unknown, readonly Access[]>();
  const attributes = createAttributeCalls();
  let locks = false;
  walk(statement, (visit) => {
    checkNode(visit, rules);
    attributes.visit(visit);
    const target = targetOf(visit);
    if (target !== null) targets.set(visit.node.relation, target);
    if (visit.type === 'LockingClause') locks = true;
    if (!namesRelation(visit)) return;
    const accesses = targets.get(visit.node) ?? [visit.type === 'RangeVar' ? 'read' : rules.namedFor];
    const relation = resolveRelation(visit.node, rules.ownSchema);
    for (const access of accesses) uses.push({ relation, access });
  });
  attributes.check();
  // FOR UPDATE keeps writers out: it takes what writing takes, on all that is read, to be on the safe side.
  if (!locks) return uses;
  return [...uses, ...uses.map(({ relation }): RelationUse => ({ relation, access: 'write' }))];
}

/** Finding rows to change tells what is in them, so only a plain INSERT writes without reading. */
function targetOf({ type, node }: Visit): readonly Access[] | null {
  if (type === 'UpdateStmt' || type === 'DeleteStmt' || type === 'MergeStmt') return ['write', 'read'];
  if (type !== 'InsertStmt') return null;
  const reads = isTreeNode(node.onConflictClause) || isTreeNode(node.returningClause);
  return reads ? ['write', 'read'] : ['write'];
}

/**
 * Only relations have a `relname`. One in a FROM list may be a common table expression; a name that stands
 * in a field of its own (the target of an INSERT, say) never is. `FOR UPDATE OF` lists names of the FROM list.
 */
function namesRelation({ node, type, field, ctes }: Visit): boolean {
  if (typeof node.relname !== 'string' || field === 'lockedRels') return false;
  return type !== 'RangeVar' || node.schemaname !== undefined || !ctes.has(node.relname);
}

function checkNode({ node, type }: Visit, rules: ScanRules): void {
  if (type !== null && !rules.nodes.has(type)) throw forbidden(`Extensions may not use this: ${type}.`);
  if (node.intoClause !== undefined) throw forbidden('SELECT INTO is not available.');
  if (node.exclusions !== undefined) throw forbidden('Exclusion constraints are not available.');
  if (node.tableSpace !== undefined || node.tablespacename !== undefined || node.indexspace !== undefined) {
    throw forbidden('Tablespaces are not available.');
  }
  if (Array.isArray(node.funcname) && type !== 'CreateFunctionStmt') checkFunction(node, rules);
  if (Array.isArray(node.names)) checkType(node, rules.ownSchema);
  checkOperators(node, type);
  if (type === 'RangeTableSample') checkSampling(node);
  if (type === 'SQLValueFunction' && !/_(CURRENT_DATE|(CURRENT|LOCAL)_?TIME)/.test(String(node.op))) {
    throw forbidden('Only the date and time are available of the CURRENT_ values.');
  }
}

/** The method is a function that the server calls with its own insides. */
function checkSampling(node: TreeNode): void {
  const method = nameParts(node.method).join('.');
  if (method !== 'system' && method !== 'bernoulli') throw forbidden(`No such sampling method: ${method}.`);
}
