import type { JobOwner, NewJob } from '../../adapters/jobs/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import type { JobStatus } from '../../manifests/sdk/host-api.ts';
import type { Database, Querier } from './database.ts';
import { enqueue, type JobRow, lock, offer, withdraw } from './job-queue.ts';

/** A job that was taken to be run. */
export interface TakenJob {
  readonly id: string;
  readonly extension: ExtensionId;
  readonly name: string;
  readonly payload: Json;
  readonly context: RequestContext | null;
  readonly schedule: string | null;
  /** Of this run: 1 is the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
}

/** How many of a job there are, on all hosts. */
export interface JobCount {
  readonly extension: ExtensionId;
  readonly name: string;
  readonly queued: number;
  readonly running: number;
}

export interface ListedJob extends JobStatus {
  readonly tenantId: string;
  readonly createdAt: string;
  /** Where the next page goes on. */
  readonly position: number;
}

export interface JobStore {
  /** @throws `E_JOB_QUOTA` */
  enqueue(job: NewJob): Promise<{ id: string; existing: boolean }>;
  /** Without an owner: of any tenant. */
  cancel(owner: Partial<JobOwner> & Pick<JobOwner, 'extension'>, id: string): Promise<boolean>;
  status(owner: JobOwner, id: string): Promise<JobStatus | null>;
  /** Queues one that has ended once more, with all its attempts. False: there is none. */
  again(extension: ExtensionId, id: string): Promise<boolean>;
  /** Newest first. */
  list(extension: ExtensionId, options: { before?: number; limit: number }): Promise<ListedJob[]>;
  /** What waits or runs. */
  counts(): Promise<JobCount[]>;
  /** Takes a job that waits, unless as many of it run as may, or one with its key. `null`: it does not wait; `'full'`. */
  take(
    id: string,
    concurrency: (extension: ExtensionId, name: string) => number,
  ): Promise<TakenJob | null | 'full'>;
  end(id: string, state: 'succeeded' | 'failed', errorCode: string | null): Promise<void>;
  /** It waits again. @param spared the run that began does not count */
  requeue(id: string, runAt: Date, errorCode: string | null, options: { spared: boolean }): Promise<void>;
  /** Has what the engine offered, and cannot be run now, offered again. */
  offerAgain(id: string, runAt: Date): Promise<void>;
  /**
   * Jobs that ran on hosts that are gone wait again, and those this host does not know of any more.
   * @param known those this host runs
   */
  recover(known: readonly string[]): Promise<number>;
  /** Ended jobs are kept for a day, failed ones for a week. */
  dropExpired(): Promise<void>;
}

/** Jobs in Postgres: our record of each, and the engine's beside it, changed in one transaction. */
export function createJobStore(database: Database): JobStore {
  return {
    enqueue: (job) => database.transaction((transaction) => enqueue(transaction, job)),

    async cancel({ extension, tenantId }, id) {
      return database.transaction(async (transaction) => {
        const rows = await transaction.query<JobRow>(
          `UPDATE mag.jobs SET state = 'cancelled', ended_at = now()
           WHERE id = $1 AND extension = $2 AND tenant_id = coalesce($3, tenant_id) AND state = 'queued' RETURNING id`,
          [id, extension, tenantId ?? null],
        );
        if (rows.length > 0) await withdraw(transaction, id);
        return rows.length > 0;
      });
    },

    async status({ extension, tenantId }, id) {
      const [row] = await database.query<JobRow>(
        'SELECT * FROM mag.jobs WHERE id = $1 AND extension = $2 AND tenant_id = $3',
        [id, extension, tenantId],
      );
      return row === undefined ? null : statusOf(row);
    },

    async again(extension, id) {
      return database.transaction(async (transaction) => {
        const rows = await transaction.query<JobRow>(
          `UPDATE mag.jobs SET state = 'queued', attempts = 0, run_at = now(), ended_at = NULL, key = NULL
           WHERE id = $1 AND extension = $2 AND state IN ('succeeded', 'failed', 'cancelled') RETURNING *`,
          [id, extension],
        );
        for (const row of rows) await offer(transaction, row, row.run_at);
        return rows.length > 0;
      });
    },

    async list(extension, { before, limit }) {
      const rows = await database.query<JobRow>(
        `SELECT * FROM mag.jobs WHERE extension = $1 AND ($2::bigint IS NULL OR position < $2)
         ORDER BY position DESC LIMIT $3`,
        [extension, before ?? null, limit],
      );
      return rows.map((row) => ({
        ...statusOf(row),
        tenantId: row.tenant_id,
        createdAt: row.created_at.toISOString(),
        position: row.position,
      }));
    },

    counts: () =>
      database.query<JobCount>(
        `SELECT extension, name, count(*) FILTER (WHERE state = 'queued')::int AS queued,
           count(*) FILTER (WHERE state = 'running')::int AS running
         FROM mag.jobs WHERE state IN ('queued', 'running') GROUP BY extension, name`,
      ),

    take: (id, concurrency) =>
      database.transaction((transaction) => take(transaction, database.hostId, id, concurrency)),

    async end(id, state, errorCode) {
      await database.query(
        `UPDATE mag.jobs SET state = $2, error_code = $3, ended_at = now(), host_id = NULL
         WHERE id = $1 AND state = 'running'`,
        [id, state, errorCode],
      );
    },

    requeue: (id, runAt, errorCode, { spared }) =>
      database.transaction(async (transaction) => {
        const rows = await transaction.query<JobRow>(
          `UPDATE mag.jobs SET state = 'queued', host_id = NULL, run_at = $2, error_code = $3,
             attempts = attempts - $4 WHERE id = $1 AND state = 'running' RETURNING *`,
          [id, runAt, errorCode, spared ? 1 : 0],
        );
        for (const row of rows) await offer(transaction, row, runAt);
      }),

    offerAgain: (id, runAt) =>
      database.transaction(async (transaction) => {
        const rows = await transaction.query<JobRow>(
          `SELECT * FROM mag.jobs WHERE id = $1 AND state = 'queued' FOR UPDATE`,
          [id],
        );
        for (const row of rows) await offer(transaction, row, runAt);
      }),

    recover: (known) => database.transaction((transaction) => recover(transaction, database.hostId, known)),

    async dropExpired() {
      await database.query(
        `DELETE FROM mag.jobs WHERE ended_at < now() - interval '1 day'
         AND (state <> 'failed' OR ended_at < now() - interval '7 days')`,
      );
    },
  };
}

async function take(
  transaction: Querier,
  hostId: string,
  id: string,
  concurrency: (extension: ExtensionId, name: string) => number,
): Promise<TakenJob | null | 'full'> {
  const [waiting] = await transaction.query<JobRow>(
    `SELECT extension, name, tenant_id, key FROM mag.jobs WHERE id = $1 AND state = 'queued'`,
    [id],
  );
  if (waiting === undefined) return null;
  const { extension, name } = waiting;
  if (await isKeyTaken(transaction, waiting)) return 'full';
  await lock(transaction, `${extension} ${name}`);
  const [count] = await transaction.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM mag.jobs WHERE extension = $1 AND name = $2 AND state = 'running'`,
    [extension, name],
  );
  if ((count?.n ?? 0) >= concurrency(extension, name)) return 'full';
  const [row] = await transaction.query<JobRow>(
    `UPDATE mag.jobs SET state = 'running', attempts = attempts + 1, started_at = now(), host_id = $2
     WHERE id = $1 AND state = 'queued' RETURNING *`,
    [id, hostId],
  );
  if (row === undefined) return null;
  const { payload, context, schedule, attempts, max_attempts } = row;
  return { id, extension, name, payload, context, schedule, attempt: attempts, maxAttempts: max_attempts };
}

/** Whether one with the same key runs. Until the commit, none begins. */
async function isKeyTaken(transaction: Querier, { extension, tenant_id, key }: JobRow): Promise<boolean> {
  if (key === null) return false;
  await lock(transaction, `${extension} ${tenant_id} ${key}`);
  const running = await transaction.query(
    `SELECT FROM mag.jobs WHERE extension = $1 AND tenant_id = $2 AND key = $3 AND state = 'running'`,
    [extension, tenant_id, key],
  );
  return running.length > 0;
}

async function recover(transaction: Querier, hostId: string, known: readonly string[]): Promise<number> {
  const rows = await transaction.query<JobRow>(
    `UPDATE mag.jobs SET host_id = NULL, error_code = 'E_OPERATION_INTERRUPTED',
       state = CASE WHEN attempts >= max_attempts THEN 'failed' ELSE 'queued' END,
       ended_at = CASE WHEN attempts >= max_attempts THEN now() END
     WHERE id IN (
       SELECT id FROM mag.jobs WHERE state = 'running' AND (
         NOT EXISTS (SELECT FROM mag.hosts h WHERE h.id = host_id AND h.fenced_at IS NULL)
         OR (host_id = $1 AND NOT (id = ANY ($2::uuid[])) AND started_at < now() - interval '10 seconds'))
       FOR UPDATE SKIP LOCKED)
     RETURNING *`,
    [hostId, known],
  );
  for (const row of rows) if (row.state === 'queued') await offer(transaction, row, new Date());
  return rows.length;
}

function statusOf(row: JobRow): JobStatus {
  return {
    id: row.id,
    job: row.name,
    state: row.state,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    runAt: row.run_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    errorCode: row.error_code,
  };
}
