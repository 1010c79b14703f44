import { forbidden } from './forbidden.ts';
import { nameParts, type TreeNode } from './syntax-tree.ts';

/** Casts to these look names up in the catalogues, whatever the caller may read. */
const CATALOGUE_TYPES =
  /^_*(reg(class|proc|procedure|oper|operator|type|namespace|role|config|dictionary|collation|database)|pg_.*)$/;

/** Types of the server's inner workings, and XML, whose parser is the largest surface of the server. */
const INNER_TYPES = new Set(
  `aclitem anyarray anycompatible anyelement anyenum anymultirange anynonarray anyrange cid cstring
   event_trigger fdw_handler index_am_handler internal language_handler opaque refcursor table_am_handler
   trigger tsm_handler txid_snapshot xid xid8 xml`.split(/\s+/),
);

/** `names` of a type, as the grammar writes it. @throws `E_SQL_FORBIDDEN` */
export function checkType(type: TreeNode, ownSchema: string): void {
  const parts = nameParts(type.names);
  const name = parts.at(-1) ?? '';
  const [schema] = parts.length === 1 ? ['pg_catalog'] : parts;
  if (type.pct_type === true) throw forbidden('A type is not written as %TYPE.');
  if (parts.length > 2 || (schema !== 'pg_catalog' && schema !== ownSchema)) {
    throw forbidden(`The type ${parts.join('.')} is of another schema.`);
  }
  if (schema === ownSchema) return;
  if (CATALOGUE_TYPES.test(name) || INNER_TYPES.has(name.replace(/^_+/, ''))) {
    throw forbidden(`The type ${name} may not be used.`);
  }
}

/** Fields that name an operator, a collation or an operator class. */
const NAME_FIELDS = ['operName', 'useOp', 'collname', 'collation', 'opclass'] as const;

/** Only those of pg_catalog are used: others run whatever code somebody put behind them. */
export function checkOperators(node: TreeNode, type: string | null): void {
  for (const field of NAME_FIELDS) checkCatalogueName(node[field]);
  if (type === 'A_Expr') checkCatalogueName(node.name);
}

function checkCatalogueName(value: unknown): void {
  if (value === undefined) return;
  const parts = nameParts(value);
  if (parts.length > 1 && !(parts.length === 2 && parts[0] === 'pg_catalog')) {
    throw forbidden(`The operator, collation or operator class ${parts.join('.')} is of another schema.`);
  }
}
