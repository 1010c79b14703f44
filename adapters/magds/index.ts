export type { MagdsHooks } from './hooks.ts';
export { createMagdsAdapter, type MagdsAdapter } from './magds-adapter.ts';
export { checkProjectMigration } from './migration-rules.ts';
export { quoted } from './names.ts';
export { createSqlParser, type SqlParser } from './parser.ts';
export { checkPolicyExpression } from './policy-rules.ts';
export type { ProjectDatabases } from './project-databases.ts';
export { isReservedSchema } from './relations.ts';
