import pg, { escapeLiteral, type PoolClient } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { ExtensionConnections } from './extension-connections.ts';
import { beginAsOwner } from './foreign-ddl.ts';
import type { HostConnection } from './host-connection.ts';
import { serverValue } from './query-params.ts';
import { type QueryResult, ResultReader } from './result-reader.ts';
import type { Analysis } from './sql-gate.ts';

/** How long a statement may take to end after it was cancelled, in milliseconds. */
const CANCEL_GRACE_MS = 1_000;

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
  if (ended.aborted) throw abortError(request.signal);
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
    throw queryError(thrown, ended.aborted, request.signal);
  } finally {
    // A connection in an unknown state, or with a cancel on its way to it, is not used again.
    client.release(await cancelling.finish(client));
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
function beginAsTenant(tenantId: string | null): string {
  return `BEGIN; SELECT set_config('mag.tenant', ${escapeLiteral(tenantId ?? '')}, true)`;
}

function execute(client: PoolClient, sql: string, values: (string | null)[]): Promise<QueryResult> {
  const reader = new ResultReader(sql, values);
  client.query(reader);
  return reader.result;
}

/** Ends a statement when its time is over: by asking the server, then by cutting the connection. */
class Cancelling {
  readonly #ended: AbortSignal;
  readonly #onEnd: () => void;
  #asked: Promise<unknown> | null = null;
  #cut: NodeJS.Timeout | undefined;

  constructor(host: HostConnection, client: PoolClient, ended: AbortSignal) {
    this.#ended = ended;
    // A connection that breaks fails its query, which is where it is dealt with.
    client.on('error', ignore);
    const pid: unknown = Reflect.get(client, 'processID'); // the driver's types lack it
    this.#onEnd = () => {
      this.#asked = host.pool.query('SELECT pg_cancel_backend($1)', [pid]).catch(ignore);
      this.#cut = setTimeout(() => client.connection.stream.destroy(), CANCEL_GRACE_MS);
    };
    ended.addEventListener('abort', this.#onEnd, { once: true });
    if (ended.aborted) this.#onEnd();
  }

  /** @returns whether the connection must be closed. Waits for a cancel under way: it is meant for no other. */
  async finish(client: PoolClient): Promise<boolean> {
    this.#ended.removeEventListener('abort', this.#onEnd);
    clearTimeout(this.#cut);
    await this.#asked;
    const clean = this.#asked === null && (await rolledBack(client));
    client.off('error', ignore);
    return !clean;
  }
}

/** Ends what a failed statement left open. After a COMMIT it does nothing but warn on the server. */
async function rolledBack(client: PoolClient): Promise<boolean> {
  if (client.getTransactionStatus() === 'I') return true;
  return client.query('ROLLBACK').then(
    () => true,
    () => false,
  );
}

function ignore(): void {}

function queryError(thrown: unknown, ended: boolean, signal: AbortSignal): MagError {
  if (ended) return abortError(signal);
  if (thrown instanceof MagError) return thrown;
  if (!(thrown instanceof pg.DatabaseError)) {
    return new MagError('E_STORAGE', 'The connection to the database was lost.', { cause: thrown });
  }
  if (thrown.code === '57014')
    return new MagError('E_DB_TIMEOUT', 'The statement was cancelled.', { cause: thrown });
  return new MagError('E_DB', `${thrown.code ?? 'XX000'}: ${thrown.message}`, { cause: thrown });
}

function abortError(signal: AbortSignal): MagError {
  if (signal.reason instanceof MagError) return signal.reason;
  return new MagError('E_DB_TIMEOUT', 'The statement ran longer than its deadline and was cancelled.');
}
