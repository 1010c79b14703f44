const words = (text: string): string[] => text.trim().split(/\s+/);

/**
 * Node types a query may consist of. A list of what is allowed: a construct that a later Postgres brings is
 * refused until somebody looked at it.
 */
export const QUERY_NODES: ReadonlySet<string> = new Set(
  words(`
    SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt MergeWhenClause CommonTableExpr LockingClause
    RangeVar RangeSubselect RangeFunction RangeTableSample JoinExpr ResTarget ReturningOption
    ColumnRef ColumnDef A_Star A_Const A_Expr A_Indirection A_Indices A_ArrayExpr ParamRef TypeCast TypeName
    CollateClause FuncCall NamedArgExpr WindowDef SortBy SubLink CaseExpr CaseWhen CoalesceExpr MinMaxExpr
    NullTest BooleanTest BoolExpr RowExpr GroupingSet GroupingFunc SetToDefault MultiAssignRef
    SQLValueFunction IndexElem List String Integer Float Boolean BitString
    JsonTable JsonTableColumn JsonIsPredicate JsonFuncExpr JsonObjectConstructor JsonArrayConstructor
    JsonArrayQueryConstructor JsonObjectAgg JsonArrayAgg JsonKeyValue JsonValueExpr JsonArgument
    JsonParseExpr JsonScalarExpr JsonSerializeExpr`),
);

/** With `database.schema`. */
export const DDL_NODES: ReadonlySet<string> = new Set([
  ...QUERY_NODES,
  ...words('AlterTableStmt AlterTableCmd IndexStmt RenameStmt Constraint DefElem'),
]);

/** In migrations, which create what the extension works on. */
export const MIGRATION_NODES: ReadonlySet<string> = new Set([
  ...DDL_NODES,
  ...words(`
    CreateStmt TableLikeClause PartitionElem PartitionCmd CreateTableAsStmt RefreshMatViewStmt ViewStmt
    CreateEnumStmt AlterEnumStmt CompositeTypeStmt CreateDomainStmt AlterDomainStmt CreateSeqStmt AlterSeqStmt
    CreatePolicyStmt AlterPolicyStmt CreateFunctionStmt ReturnStmt FunctionParameter ObjectWithArgs RoleSpec
    DropStmt TruncateStmt CommentStmt ReplicaIdentityStmt PartitionRangeDatum`),
]);

/** In migrations of operators. */
export const PROJECT_NODES: ReadonlySet<string> = new Set([...MIGRATION_NODES, 'CreateSchemaStmt']);
