import { MagError } from '../../kernel/errors.ts';
import { forbidden } from './forbidden.ts';
import { MIGRATION_NODES } from './node-types.ts';
import type { SqlParser } from './parser.ts';
import { scanStatement } from './statement-scan.ts';
import { isTreeNode, type TreeNode, unwrap, walk } from './syntax-tree.ts';

/** Longest migration file, in bytes. */
const MAX_MIGRATION_BYTES = 1_048_576;

/** Statements of a migration. Transactions, roles, sessions, COPY, code in strings and triggers are not. */
const STATEMENTS = new Set(
  `SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt TruncateStmt CreateStmt AlterTableStmt IndexStmt
   RenameStmt CreateTableAsStmt RefreshMatViewStmt ViewStmt CreateEnumStmt AlterEnumStmt CompositeTypeStmt
   CreateDomainStmt AlterDomainStmt CreateSeqStmt AlterSeqStmt CreatePolicyStmt AlterPolicyStmt
   CreateFunctionStmt DropStmt CommentStmt`.split(/\s+/),
);

const REFUSED_ALTERATIONS = new Set([
  'AT_ChangeOwner',
  'AT_SetTableSpace',
  'AT_EnableTrig',
  'AT_EnableAlwaysTrig',
  'AT_EnableReplicaTrig',
  'AT_DisableTrig',
  'AT_EnableTrigAll',
  'AT_DisableTrigAll',
  'AT_EnableTrigUser',
  'AT_DisableTrigUser',
  'AT_EnableRule',
  'AT_EnableAlwaysRule',
  'AT_EnableReplicaRule',
  'AT_DisableRule',
  'AT_GenericOptions',
]);

/**
 * Checks the text of a migration before any of it runs: only the extension's own schema, nothing that ends
 * the transaction or changes the session, and no code the gate cannot read. What is created here is called
 * by later queries that the gate only sees by name.
 * @throws `E_MIGRATION` naming the file and what is wrong with it
 */
export async function checkMigration(
  parser: SqlParser,
  name: string,
  sql: string,
  ownSchema: string,
): Promise<void> {
  try {
    const statements = await parser.parse(sql, MAX_MIGRATION_BYTES);
    if (statements.length === 0) throw forbidden('There is no statement.');
    for (const statement of statements) checkStatement(statement, ownSchema);
  } catch (cause) {
    if (!(cause instanceof MagError)) throw cause;
    throw new MagError('E_MIGRATION', `The migration ${name} was not run: ${cause.message}`, { cause });
  }
}

function checkStatement(statement: TreeNode, ownSchema: string): void {
  const { type, body } = unwrap(statement) ?? { type: 'unknown', body: {} };
  if (!STATEMENTS.has(type)) throw forbidden(`A migration holds no ${type}.`);
  if (type === 'CreateFunctionStmt') checkFunctionDefinition(body, ownSchema);
  checkParts(statement);
  const rules = { ownSchema, nodes: MIGRATION_NODES, namedFor: 'schema', allowTenantSetting: true } as const;
  const outside = scanStatement(statement, rules).find((use) => use.relation.schema !== null);
  if (outside === undefined) return;
  const { schema, name } = outside.relation;
  throw forbidden(`${schema}.${name} is outside of the schema of the extension.`);
}

function checkParts(statement: TreeNode): void {
  walk(statement, ({ node, type }) => {
    if (node.concurrent === true) throw forbidden('CONCURRENTLY does not run in a transaction.');
    if (type === 'AlterTableCmd' && REFUSED_ALTERATIONS.has(String(node.subtype))) {
      throw forbidden('This form of ALTER TABLE is not available.');
    }
  });
}

/** A body in a string is code the gate cannot read; in standard SQL it is part of the tree. */
function checkFunctionDefinition(node: TreeNode, ownSchema: string): void {
  if (!isTreeNode(node.sql_body)) {
    throw forbidden('A function has its body in standard SQL: RETURN … or BEGIN ATOMIC … END.');
  }
  if (node.is_procedure === true) throw forbidden('Procedures are not available.');
  const name = Array.isArray(node.funcname) ? node.funcname : [];
  const schema = name.length > 1 ? unwrap(name[0])?.body.sval : ownSchema;
  if (schema !== ownSchema) throw forbidden('A function is created in the own schema.');
  for (const option of Array.isArray(node.options) ? node.options : []) {
    const word = unwrap(option)?.body.defname;
    if (!['language', 'volatility', 'strict', 'parallel', 'cost', 'rows'].includes(String(word))) {
      throw forbidden(`The option ${String(word)} of a function is not available.`);
    }
  }
}
