import { MagError } from '../../kernel/errors.ts';
import { forbidden } from './forbidden.ts';
import { MIGRATION_NODES, PROJECT_NODES } from './node-types.ts';
import type { SqlParser } from './parser.ts';
import { isReservedSchema } from './relations.ts';
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

/** What the migrations of somebody may be about. */
interface Territory {
  /** Where unqualified names are, and where functions and types are made and used. */
  readonly ownSchema: string;
  readonly statements: ReadonlySet<string>;
  /** Whether relations of another schema may be used. */
  readonly includes: (schema: string) => boolean;
}

/**
 * Checks the text of a migration of an extension before any of it runs: only its own schema, nothing that ends
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
  await check(parser, name, sql, { ownSchema, statements: STATEMENTS, includes: () => false });
}

const PROJECT_STATEMENTS: ReadonlySet<string> = new Set([...STATEMENTS, 'CreateSchemaStmt']);

/**
 * The same for a migration of an operator: all schemas but those of the host and of extensions. No code the
 * gate cannot read here either: a restore runs with the rights of the host, and calls what constraints name.
 * @throws `E_MIGRATION`
 */
export async function checkProjectMigration(parser: SqlParser, name: string, sql: string): Promise<void> {
  await check(parser, name, sql, {
    ownSchema: 'public',
    statements: PROJECT_STATEMENTS,
    includes: (schema) => !isReservedSchema(schema),
  });
}

async function check(parser: SqlParser, name: string, sql: string, territory: Territory): Promise<void> {
  try {
    const statements = await parser.parse(sql, MAX_MIGRATION_BYTES);
    if (statements.length === 0) throw forbidden('There is no statement.');
    for (const statement of statements) checkStatement(statement, territory);
  } catch (cause) {
    if (!(cause instanceof MagError)) throw cause;
    throw new MagError('E_MIGRATION', `The migration ${name} was not run: ${cause.message}`, { cause });
  }
}

function checkStatement(statement: TreeNode, { ownSchema, statements, includes }: Territory): void {
  const { type, body } = unwrap(statement) ?? { type: 'unknown', body: {} };
  if (!statements.has(type)) throw forbidden(`A migration holds no ${type}.`);
  if (type === 'CreateFunctionStmt') checkFunctionDefinition(body, ownSchema);
  if (type === 'CreateSchemaStmt') checkSchema(body);
  checkParts(statement);
  const nodes = statements.has('CreateSchemaStmt') ? PROJECT_NODES : MIGRATION_NODES;
  const rules = { ownSchema, nodes, namedFor: 'schema', allowTenantSetting: true } as const;
  const outside = scanStatement(statement, rules).find(
    ({ relation }) => relation.schema !== null && !includes(relation.schema),
  );
  if (outside === undefined) return;
  const { schema, name } = outside.relation;
  throw forbidden(`${schema}.${name} is outside of the schema of the extension.`);
}

function checkSchema({ schemaname, authrole, schemaElts }: TreeNode): void {
  if (typeof schemaname !== 'string' || isReservedSchema(schemaname)) {
    throw forbidden(`The schema ${String(schemaname)} may not be used.`);
  }
  if (authrole !== undefined || schemaElts !== undefined) throw forbidden('A schema is created by itself.');
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
