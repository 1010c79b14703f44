import { MagError } from '../../kernel/errors.ts';
import { forbidden } from './forbidden.ts';
import { QUERY_NODES } from './node-types.ts';
import type { SqlParser } from './parser.ts';
import { scanStatement } from './statement-scan.ts';
import { isTreeNode, type TreeNode, unwrap } from './syntax-tree.ts';

/** Longest expression of a policy, in bytes. */
const MAX_EXPRESSION_BYTES = 8_192;
/** Nothing is called so: no name is the own schema's. */
const NOWHERE = '';

/**
 * Checks an expression of a row-level-security policy: that it is one expression and nothing more, so that it
 * cannot end the clause it is put into, and that it reads nothing but the row, tables of the same schema and
 * the tenant. It is evaluated for every statement on the table, whoever runs it.
 * @param schema of the table
 * @throws `E_SQL_SYNTAX`, `E_SQL_FORBIDDEN`
 */
export async function checkPolicyExpression(
  parser: SqlParser,
  expression: string,
  schema: string,
): Promise<void> {
  // The line break ends a comment, which would swallow the parenthesis.
  const [statement, ...more] = await parser.parse(`SELECT (\n${expression}\n)`, MAX_EXPRESSION_BYTES + 16);
  if (statement === undefined || more.length > 0 || !isOneExpression(statement)) {
    throw new MagError('E_SQL_SYNTAX', 'The expression of a policy is one expression.');
  }
  const uses = scanStatement(statement, {
    ownSchema: NOWHERE,
    nodes: QUERY_NODES,
    namedFor: 'read',
    allowTenantSetting: true,
  });
  const outside = uses.find(({ relation }) => relation.schema !== null && relation.schema !== schema);
  if (outside !== undefined) throw forbidden('A policy reads tables of the same schema only.');
}

/** `SELECT` of one unnamed value, from nothing. */
function isOneExpression(statement: TreeNode): boolean {
  const { type, body } = unwrap(statement) ?? { type: '', body: {} };
  const clauses = Object.keys(body).filter((key) => !['targetList', 'limitOption', 'op'].includes(key));
  const targets = Array.isArray(body.targetList) ? body.targetList : [];
  const target = unwrap(targets[0])?.body;
  const isPlain = type === 'SelectStmt' && body.op === 'SETOP_NONE' && clauses.length === 0;
  return isPlain && targets.length === 1 && target?.name === undefined && isTreeNode(target?.val);
}
