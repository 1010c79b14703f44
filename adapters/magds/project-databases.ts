import type { Caller } from '../../kernel/ports.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';

/** What the database component does for an extension that holds `database.admin`. */
export interface ProjectDatabases {
  /**
   * Makes a database in a project of the caller's tenant: the named one, else its only one.
   * @throws `E_NOT_FOUND`, `E_EXISTS`, `E_DB_QUOTA`, `E_DB_PROFILE`, `E_BUSY`, `E_VETO`, `E_STORAGE`
   */
  createFor(caller: Caller, asked: { name: string; project?: string }): Promise<JsonObject>;
  /** Those of the projects of the caller's tenant. */
  listFor(caller: Caller): Promise<JsonObject>;
}

/** The host calls of `database.admin`, by the hook their rows name. */
export function projectCall(
  databases: ProjectDatabases,
  hook: string,
): ((caller: Caller, params: Json) => Promise<Json>) | null {
  if (hook === 'create_database')
    // The parameters have the shape of the call table: nothing else gets here.
    return (caller, params) => databases.createFor(caller, params as { name: string; project?: string });
  if (hook === 'list_databases') return (caller) => databases.listFor(caller);
  return null;
}
