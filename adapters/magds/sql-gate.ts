import type { Demand } from '../../kernel/capability/gate.ts';
import type { CapabilityName } from '../../manifests/catalog/index.ts';
import { createAnalysisCache } from './analysis-cache.ts';
import { checkForeignDdl, DDL_COMMANDS } from './ddl-rules.ts';
import { forbidden } from './forbidden.ts';
import { DDL_NODES, QUERY_NODES } from './node-types.ts';
import type { SqlParser } from './parser.ts';
import { type Access, type RelationUse, scanStatement } from './statement-scan.ts';
import { type TreeNode, unwrap, walk } from './syntax-tree.ts';

/** What a statement is and what it takes to run it. */
export interface Analysis {
  /** `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `ALTER TABLE` or `CREATE INDEX`. */
  readonly command: string;
  readonly demands: readonly Demand[];
  /** The table outside of the own schema that a DDL statement changes: it runs with its owner's rights. */
  readonly foreignTable: { readonly schema: string; readonly name: string } | null;
}

/** The first of the two enforcements of spec 03: by the text of a statement. */
export interface SqlGate {
  /**
   * @param ownSchema the schema of the extension, and the only one its unqualified names are looked up in
   * @throws `E_SQL_SYNTAX`, `E_SQL_FORBIDDEN`
   */
  analyse(sql: string, ownSchema: string): Promise<Analysis>;
}

const QUERY_COMMANDS: ReadonlyMap<string, string> = new Map([
  ['SelectStmt', 'SELECT'],
  ['InsertStmt', 'INSERT'],
  ['UpdateStmt', 'UPDATE'],
  ['DeleteStmt', 'DELETE'],
  ['MergeStmt', 'MERGE'],
]);

const CAPABILITY: Readonly<Record<Access, CapabilityName>> = {
  read: 'database.read',
  write: 'database.write',
  schema: 'database.schema',
};

export function createSqlGate(parser: SqlParser, cache = createAnalysisCache()): SqlGate {
  return {
    async analyse(sql, ownSchema) {
      const known = cache.get(ownSchema, sql);
      if (known !== undefined) return known;
      const analysis = analyseStatements(await parser.parse(sql), ownSchema);
      cache.put(ownSchema, sql, analysis);
      return analysis;
    },
  };
}

function analyseStatements(statements: readonly TreeNode[], ownSchema: string): Analysis {
  const [statement, ...more] = statements;
  if (statement === undefined) throw forbidden('There is no statement.');
  if (more.length > 0) throw forbidden('One statement at a time.');
  const { type, body } = unwrap(statement) ?? { type: 'unknown', body: {} };
  const query = QUERY_COMMANDS.get(type);
  if (query !== undefined) return analyseQuery(statement, query, ownSchema);
  const ddl = DDL_COMMANDS.get(type);
  if (ddl === undefined) {
    throw forbidden(
      'Only SELECT, INSERT, UPDATE, DELETE, MERGE, ALTER TABLE and CREATE INDEX are available.',
    );
  }
  ddl.check(body);
  return analyseDdl(statement, ddl.command, ownSchema);
}

function analyseQuery(statement: TreeNode, command: string, ownSchema: string): Analysis {
  const uses = scanStatement(statement, {
    ownSchema,
    nodes: QUERY_NODES,
    namedFor: 'read',
    allowTenantSetting: false,
  });
  const demands = demandsOf(uses);
  // `SELECT 1` touches nothing, and still is a query.
  return {
    command,
    demands: demands.length > 0 ? demands : [{ capability: 'database.read' }],
    foreignTable: null,
  };
}

function analyseDdl(statement: TreeNode, command: string, ownSchema: string): Analysis {
  const uses = scanStatement(statement, {
    ownSchema,
    nodes: DDL_NODES,
    namedFor: 'schema',
    allowTenantSetting: false,
  });
  checkForeignDdl(uses, namesSchema(statement, ownSchema));
  const first = uses[0]?.relation;
  const foreignTable =
    first === undefined || first.schema === null ? null : { schema: first.schema, name: first.name };
  return { command, demands: demandsOf(uses), foreignTable };
}

/** Whether a function or type is qualified with this schema. */
function namesSchema(statement: TreeNode, schema: string): boolean {
  let found = false;
  walk(statement, ({ node }) => {
    if (node.sval === schema) found = true;
  });
  return found;
}

/** One demand per capability and relation; all uses of the own schema are one. */
function demandsOf(uses: readonly RelationUse[]): readonly Demand[] {
  const demands = new Map<string, Demand>();
  for (const { relation, access } of uses) {
    const capability = CAPABILITY[access];
    if (relation.schema === null) {
      demands.set(capability, { capability });
    } else {
      const table = `${relation.schema}.${relation.name}`;
      const resource = { tables: table, schemas: relation.schema };
      demands.set(`${capability} ${table}`, { capability, resource });
    }
  }
  return [...demands.values()];
}
