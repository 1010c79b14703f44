import { v7 as uuid } from 'uuid';
import type { NewJob } from '../../adapters/jobs/index.ts';
import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import type { JobStatus } from '../../manifests/sdk/host-api.ts';
import type { Querier } from './database.ts';

// How jobs get into the queue: our record of each, and the engine's beside it, changed in one transaction.

/** Schema of graphile-worker, and the one task of it that all jobs are. */
export const ENGINE_SCHEMA = 'mag_jobs';
export const TASK = 'extension_job';

/** Jobs of one extension that wait or run. */
const MAX_OPEN = 10_000;
/** Enough that the engine never gives up by itself: retries are counted here. */
const ENGINE_ATTEMPTS = 1_000;

export interface JobRow {
  readonly id: string;
  readonly extension: ExtensionId;
  readonly name: string;
  readonly tenant_id: string;
  readonly payload: Json;
  readonly context: RequestContext | null;
  readonly schedule: string | null;
  readonly key: string | null;
  readonly state: JobStatus['state'];
  readonly attempts: number;
  readonly max_attempts: number;
  readonly run_at: Date;
  readonly created_at: Date;
  readonly ended_at: Date | null;
  readonly error_code: string | null;
  readonly position: number;
}

/** @throws `E_JOB_QUOTA` */
export async function enqueue(transaction: Querier, job: NewJob): Promise<{ id: string; existing: boolean }> {
  const { extension, tenantId, key } = job;
  await lock(transaction, extension);
  if (key !== null) {
    const [waiting] = await transaction.query<{ id: string }>(
      `SELECT id FROM mag.jobs WHERE extension = $1 AND tenant_id = $2 AND key = $3 AND state = 'queued'`,
      [extension, tenantId, key],
    );
    if (waiting !== undefined) return { id: waiting.id, existing: true };
  }
  const [count] = await transaction.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM mag.jobs WHERE extension = $1 AND state IN ('queued', 'running')`,
    [extension],
  );
  if ((count?.n ?? 0) >= MAX_OPEN)
    throw new MagError('E_JOB_QUOTA', `${extension} has ${MAX_OPEN} jobs waiting already`);
  const [row] = await transaction.query<JobRow>(
    `INSERT INTO mag.jobs (id, extension, name, tenant_id, payload, context, schedule, key, max_attempts, priority, run_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, now())) RETURNING *`,
    [
      uuid(),
      extension,
      job.job,
      tenantId,
      JSON.stringify(job.payload),
      job.context === null ? null : JSON.stringify(job.context),
      job.schedule,
      key,
      job.maxAttempts,
      job.priority,
      job.runAt,
    ],
  );
  if (row === undefined) throw new MagError('E_STORAGE', 'the job was not written');
  await offer(transaction, row, row.run_at);
  return { id: row.id, existing: false };
}

/** Tells the engine when to run it. What the engine has of it, waiting or running, is replaced. */
export async function offer(
  transaction: Querier,
  row: JobRow & { priority?: number },
  runAt: Date,
): Promise<void> {
  await transaction.query(
    `SELECT ${ENGINE_SCHEMA}.add_job($1, payload => $2::json, run_at => $3, max_attempts => $4, job_key => $5,
       priority => $6, flags => $7::text[])`,
    [
      TASK,
      JSON.stringify({ id: row.id }),
      runAt,
      ENGINE_ATTEMPTS,
      row.id,
      row.priority ?? 0,
      [flagOf(row.extension, row.name)],
    ],
  );
}

/** The engine does not offer it any more. */
export async function withdraw(transaction: Querier, id: string): Promise<void> {
  await transaction.query(`SELECT ${ENGINE_SCHEMA}.remove_job($1)`, [id]);
}

/** What jobs of a kind carry in the engine, so that a host can leave them to others. */
export function flagOf(extension: string, name: string): string {
  return `${extension}:${name}`;
}

/** One at a time of an extension: what is counted stays true until the commit. */
export async function lock(transaction: Querier, extension: string): Promise<void> {
  await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('mag.jobs ' || $1, 0))", [
    extension,
  ]);
}
