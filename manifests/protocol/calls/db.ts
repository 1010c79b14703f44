import type { Json } from '../../json.ts';
import type { ProjectDatabase } from '../../sdk/host-api.ts';
import { type CallRow, object, TRANSACTION_ERRORS, transaction } from './row.ts';

export interface DbCalls {
  'db.query': {
    /** `transaction` is what `db.begin` answered, in the same call. */
    params: { sql: string; params?: Json[]; transaction?: string };
    result: { rows: Record<string, Json>[]; rowCount: number };
  };
  'db.begin': { params: Record<string, never>; result: { transaction: string } };
  'db.commit': { params: { transaction: string }; result: null };
  'db.rollback': { params: { transaction: string }; result: null };
  /** `project` absent: `default`, else the only one of the tenant. */
  'db.createDatabase': {
    params: { name: string; project?: string };
    result: ProjectDatabase;
  };
  'db.listDatabases': {
    params: Record<string, never>;
    result: { databases: ProjectDatabase[] };
  };
}

export const DB_ROWS = {
  'db.query': {
    adapter: { component: 'magds', hook: 'execute_query' },
    needs: { anyOf: ['database.read', 'database.write', 'database.schema'] },
    deadlineMs: 5_000,
    errors: ['E_SQL_SYNTAX', 'E_SQL_FORBIDDEN', ...TRANSACTION_ERRORS],
    params: object(
      {
        sql: { type: 'string', minLength: 1, maxLength: 65_536 },
        params: { type: 'array', maxItems: 1_000 },
        transaction,
      },
      ['sql'],
    ),
  },
  'db.begin': {
    needs: { anyOf: ['database.read', 'database.write', 'database.schema'] },
    deadlineMs: 5_000,
    errors: TRANSACTION_ERRORS,
    params: object({}, []),
  },
  // What was done in it is asked of the gate once more, by who ends it.
  'db.commit': {
    needs: { anyOf: ['database.read', 'database.write', 'database.schema'] },
    deadlineMs: 5_000,
    errors: TRANSACTION_ERRORS,
    params: object({ transaction }, ['transaction']),
  },
  'db.rollback': {
    needs: 'none',
    deadlineMs: 5_000,
    errors: TRANSACTION_ERRORS,
    params: object({ transaction }, ['transaction']),
  },
  'db.createDatabase': {
    adapter: { component: 'magds', hook: 'create_database' },
    needs: { capability: 'database.admin' },
    deadlineMs: 60_000,
    errors: [
      'E_BUSY',
      'E_CONFIG',
      'E_DB_PROFILE',
      'E_DB_QUOTA',
      'E_EXISTS',
      'E_NOT_FOUND',
      'E_STORAGE',
      'E_VETO',
    ],
    params: object(
      {
        name: { type: 'string', pattern: '^[a-z][a-z0-9_]{0,31}$' },
        project: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,31}$' },
      },
      ['name'],
    ),
  },
  'db.listDatabases': {
    adapter: { component: 'magds', hook: 'list_databases' },
    needs: { capability: 'database.admin' },
    deadlineMs: 5_000,
    errors: ['E_STORAGE'],
    params: object({}, []),
  },
} as const satisfies { readonly [C in keyof DbCalls]: CallRow };
