import type { JobOwner, NewJob, NewSchedule } from '../../adapters/jobs/index.ts';
import { codeOf, MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { Database, Querier } from './database.ts';
import { enqueue, lock } from './job-queue.ts';

/** Schedules of one extension. */
const MAX_SCHEDULES = 200;

export interface DueSchedule extends NewSchedule {
  readonly nextAt: Date;
}

/** The times at which jobs are queued by themselves. */
export interface ScheduleStore {
  /** Inserts or replaces. @throws `E_JOB_QUOTA` */
  put(schedule: DueSchedule): Promise<void>;
  /** False: there is none, or the manifest declares it. */
  remove(owner: JobOwner, name: string): Promise<boolean>;
  /** Makes the schedules that a manifest declares those of the extension; times of what stays are kept. */
  declare(extension: ExtensionId, schedules: readonly DueSchedule[]): Promise<void>;
  /**
   * Queues the jobs of schedules whose time has come, and moves each to its next one.
   * @returns how many there were
   */
  fire(
    extensions: readonly ExtensionId[],
    next: (schedule: DueSchedule) => { job: NewJob; nextAt: Date | null },
  ): Promise<number>;
}

interface ScheduleRow {
  readonly extension: ExtensionId;
  readonly tenant_id: string;
  readonly name: string;
  readonly job: string;
  readonly cron: string;
  readonly timezone: string;
  readonly payload: Json;
  readonly declared: boolean;
  readonly next_at: Date;
}

export function createScheduleStore(database: Database): ScheduleStore {
  return {
    put: (schedule) => database.transaction((transaction) => putWithinQuota(transaction, schedule)),

    async remove({ extension, tenantId }, name) {
      const rows = await database.query(
        `DELETE FROM mag.job_schedules WHERE extension = $1 AND tenant_id = $2 AND name = $3 AND NOT declared
         RETURNING name`,
        [extension, tenantId, name],
      );
      return rows.length > 0;
    },

    async declare(extension, schedules) {
      await database.transaction(async (transaction) => {
        await lock(transaction, extension);
        await transaction.query(
          'DELETE FROM mag.job_schedules WHERE extension = $1 AND declared AND NOT (name = ANY ($2))',
          [extension, schedules.map(({ name }) => name)],
        );
        for (const schedule of schedules) await put(transaction, schedule, { declared: true });
      });
    },

    fire: (extensions, next) => database.transaction((transaction) => fire(transaction, extensions, next)),
  };
}

async function putWithinQuota(transaction: Querier, schedule: DueSchedule): Promise<void> {
  const { extension, name, tenantId } = schedule;
  await lock(transaction, extension);
  const [row] = await transaction.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM mag.job_schedules WHERE extension = $1 AND (name <> $2 OR tenant_id <> $3)',
    [extension, name, tenantId],
  );
  if ((row?.n ?? 0) >= MAX_SCHEDULES)
    throw new MagError('E_JOB_QUOTA', `${extension} has ${MAX_SCHEDULES} schedules already`);
  await put(transaction, schedule, { declared: false });
}

async function put(
  transaction: Querier,
  schedule: DueSchedule,
  { declared }: Pick<ScheduleRow, 'declared'>,
): Promise<void> {
  const { extension, tenantId, name, job, cron, timezone, payload, nextAt } = schedule;
  await transaction.query(
    `INSERT INTO mag.job_schedules AS s (extension, tenant_id, name, job, cron, timezone, payload, declared, next_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (extension, tenant_id, name, declared) DO UPDATE SET job = $4, cron = $5, timezone = $6, payload = $7,
       next_at = CASE WHEN s.cron = $5 AND s.timezone = $6 THEN s.next_at ELSE $9 END`,
    [extension, tenantId, name, job, cron, timezone, JSON.stringify(payload), declared, nextAt],
  );
}

async function fire(
  transaction: Querier,
  extensions: readonly ExtensionId[],
  next: (schedule: DueSchedule) => { job: NewJob; nextAt: Date | null },
): Promise<number> {
  const rows = await transaction.query<ScheduleRow>(
    `SELECT * FROM mag.job_schedules WHERE next_at <= now() AND extension = ANY ($1)
     ORDER BY next_at LIMIT 50 FOR UPDATE SKIP LOCKED`,
    [extensions],
  );
  for (const row of rows) {
    const { job, nextAt } = next({ ...row, tenantId: row.tenant_id, nextAt: row.next_at });
    // Full, it is skipped: a schedule must not pile up what nobody works off.
    await enqueue(transaction, job).catch((failure: unknown) => {
      if (codeOf(failure) !== 'E_JOB_QUOTA') throw failure;
    });
    const key = [row.extension, row.tenant_id, row.name, row.declared];
    const same = 'extension = $1 AND tenant_id = $2 AND name = $3 AND declared = $4';
    if (nextAt === null) await transaction.query(`DELETE FROM mag.job_schedules WHERE ${same}`, key);
    else await transaction.query(`UPDATE mag.job_schedules SET next_at = $5 WHERE ${same}`, [...key, nextAt]);
  }
  return rows.length;
}
