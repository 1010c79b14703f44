import { forbidden } from './forbidden.ts';
import type { RelationUse } from './statement-scan.ts';
import { isTreeNode, type TreeNode, unwrap } from './syntax-tree.ts';

/** What `ALTER TABLE` may do to a table: nothing that moves ownership, triggers, row security or storage. */
const ALTERATIONS = new Set([
  'AT_AddColumn',
  'AT_DropColumn',
  'AT_ColumnDefault',
  'AT_SetNotNull',
  'AT_DropNotNull',
  'AT_AlterColumnType',
  'AT_SetStatistics',
  'AT_AddConstraint',
  'AT_ValidateConstraint',
  'AT_DropConstraint',
]);

const INDEX_METHODS = new Set(['btree', 'hash', 'gin', 'gist', 'spgist', 'brin']);

/** Statements of `database.schema`, by the type of their node. */
export const DDL_COMMANDS: ReadonlyMap<string, { command: string; check: (node: TreeNode) => void }> =
  new Map([
    ['AlterTableStmt', { command: 'ALTER TABLE', check: checkAlterTable }],
    ['RenameStmt', { command: 'ALTER TABLE', check: checkRename }],
    ['IndexStmt', { command: 'CREATE INDEX', check: checkIndex }],
  ]);

function checkAlterTable(node: TreeNode): void {
  if (node.objtype !== 'OBJECT_TABLE') throw forbidden('Only tables are altered.');
  for (const command of Array.isArray(node.cmds) ? node.cmds : []) {
    const alteration = unwrap(command)?.body ?? {};
    if (!ALTERATIONS.has(String(alteration.subtype))) {
      throw forbidden('This form of ALTER TABLE is not available.');
    }
    if (alteration.behavior === 'DROP_CASCADE') throw forbidden('CASCADE reaches beyond the table.');
  }
}

function checkRename(node: TreeNode): void {
  const kinds = ['OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT'];
  const ofTable = node.renameType === 'OBJECT_TABCONSTRAINT' || node.relationType === 'OBJECT_TABLE';
  if (!kinds.includes(String(node.renameType)) || !ofTable || !isTreeNode(node.relation)) {
    throw forbidden('Only columns and constraints of tables are renamed.');
  }
  if (node.behavior === 'DROP_CASCADE') throw forbidden('CASCADE reaches beyond the table.');
}

function checkIndex(node: TreeNode): void {
  if (node.concurrent === true) throw forbidden('CREATE INDEX CONCURRENTLY is not available.');
  if (!INDEX_METHODS.has(String(node.accessMethod))) throw forbidden('No such index method.');
}

/**
 * A statement on a table of somebody else runs with the rights of its owner, so nothing of the extension may
 * take part in it: no table, and no function that the owner would then call.
 */
export function checkForeignDdl(uses: readonly RelationUse[], callsOwn: boolean): void {
  const foreign = uses.filter((use) => use.relation.schema !== null);
  if (foreign.length === 0) return;
  if (callsOwn || foreign.length < uses.length) {
    throw forbidden(
      'A statement that changes a table outside of your own schema uses nothing of your schema.',
    );
  }
}
