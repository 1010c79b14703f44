import { escapeLiteral, type PoolClient } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { abortError, Cancelling, queryError, rolledBack } from './cancelling.ts';
import type { ExtensionConnections } from './extension-connections.ts';
import { beginAsOwner } from './foreign-ddl.ts';
import type { HostConnection } from './host-connection.ts';
import { serverValue } from './query-params.ts';
import { type QueryResult, ResultReader } from './result-reader.ts';
import type { Analysis } from './sql-gate.ts';

export interface QueryRequest {
  readonly extension: ExtensionId;
  readonly analysis: Analysis;
  readonly sql: string;
  readonly params: readonly Json[];
  /** `null`: on nobody's behalf, and row policies on the tenant match no row. */
  readonly tenantId: string | null;
  /** Milliseconds for everything: waiting for a connection, running, reading. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs a statement that the gate has read, in a transaction of its own, as the role of the extension.
 * @throws `E_DB` with the SQLSTATE, `E_DB_TIMEOUT`, `E_LIMIT_OUTPUT`, `E_PARAMS`, `E_STORAGE`, or the reason
 *   of the signal when that is a MagError
 */
export async function runQuery(
  host: HostConnection,
  connections: ExtensionConnections,
  request: QueryRequest,
): Promise<QueryResult> {
  const values = request.params.map((param) => serverValue(param));
  const deadline = AbortSignal.timeout(request.deadlineMs);
  const ended = AbortSignal.any([request.signal, deadline]);
  if (ended.aborted) throw abortError(ended);
  const foreign = request.analysis.foreignTable;
  const client =
    foreign === null
      ? await connections.acquire(request.extension, request.deadlineMs)
      : await hostClient(host);
  const cancelling = new Cancelling(host, client, ended);
  try {
    // A cancel only reaches what runs when it arrives, so the time is asked for between the steps too.
    ended.throwIfAborted();
    if (foreign === null) await client.query(beginAsTenant(request.tenantId));
    else await beginAsOwner(client, foreign);
    ended.throwIfAborted();
    const result = await execute(client, request.sql, values);
    ended.throwIfAborted();
    await client.query('COMMIT');
    return result;
  } catch (thrown) {
    throw queryError(thrown, ended);
  } finally {
    // A connection in an unknown state, or with a cancel on its way to it, is not used again.
    client.release((await cancelling.finish()) || !(await rolledBack(client)));
  }
}

function hostClient(host: HostConnection): Promise<PoolClient> {
  return host.pool.connect().catch((cause: unknown) => {
    throw new MagError('E_STORAGE', 'The database does not answer.', { cause });
  });
}

/**
 * One round trip. The tenant holds for this transaction only, and row policies read it with
 * `current_setting('mag.tenant', true)`.
 */
export function beginAsTenant(tenantId: string | null): string {
  return `BEGIN; SELECT set_config('mag.tenant', ${escapeLiteral(tenantId ?? '')}, true)`;
}

/** The one statement, and nothing behind it. */
export function execute(client: PoolClient, sql: string, values: (string | null)[]): Promise<QueryResult> {
  const reader = new ResultReader(sql, values);
  client.query(reader);
  return reader.result;
}
