import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Logger as EngineLogger,
  type Runner,
  run,
  runMigrations,
  type WorkerEvents,
  type WorkerPool,
} from 'graphile-worker';
import type { Pool } from 'pg';
import { messageOf } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import { type Database, openPool } from './database.ts';
import { ENGINE_SCHEMA, TASK } from './job-queue.ts';

/** Jobs of all extensions that this host runs at once. */
const WORKERS = 8;
/** How often each worker looks by itself, should nobody send it: eight of them would ask all day. */
const POLL_MS = 30_000;
/** How often it is looked whether the time of a job has come. Of a job that is due at once, the engine hears. */
const LOOK_MS = 1_000;
/** As the engine itself finds them, by its index. */
const DUE = `SELECT FROM ${ENGINE_SCHEMA}._private_jobs WHERE is_available AND run_at <= now() LIMIT ${WORKERS}`;

/** What offers jobs to this host when their time has come: graphile-worker, on connections of its own. */
export interface JobEngine {
  /**
   * @param work runs a job by its id; what it throws has the job offered again
   * @param leave flags of jobs that this host leaves to others now
   */
  start(work: (id: string) => Promise<void>, leave: () => Promise<string[]>): Promise<void>;
  /** Takes nothing new; what is being done is let go after `graceMs`. */
  stop(): Promise<void>;
}

/** Makes the tables of the engine what this version of it needs. Safe on every host of a database. */
export async function migrateJobEngine(database: Database): Promise<void> {
  const pool = openPool(database.url, { hostId: database.hostId, maxConnections: 1 });
  try {
    await runMigrations({ pgPool: pool, schema: ENGINE_SCHEMA, logger: silent() });
  } finally {
    await pool.end();
  }
}

export function createJobEngine(database: Database, logger: Logger): JobEngine {
  const pool = openPool(database.url, { hostId: database.hostId, maxConnections: WORKERS + 2 });
  let runner: Runner | null = null;
  let looking: NodeJS.Timeout | undefined;
  return {
    async start(work, leave) {
      const events: WorkerEvents = new EventEmitter();
      events.on('pool:create', ({ workerPool }) => {
        looking = setInterval(() => void sendWorkers(database, workerPool, logger), LOOK_MS).unref();
      });
      runner = await run({
        events,
        pgPool: pool,
        schema: ENGINE_SCHEMA,
        logger: quiet(logger),
        concurrency: WORKERS,
        pollInterval: POLL_MS,
        noHandleSignals: true,
        forbiddenFlags: leave,
        taskList: { [TASK]: (payload) => work((payload as { id: string }).id) },
        crontab: '',
      });
    },
    async stop() {
      clearInterval(looking);
      await runner?.stop();
      await idle(pool);
      await pool.end();
    },
  };
}

/** One question for all workers: as many look for a job as there are jobs whose time has come. */
async function sendWorkers(database: Database, workers: WorkerPool, logger: Logger): Promise<void> {
  try {
    const due = await database.query(DUE);
    if (due.length > 0 && !workers.abortSignal.aborted) workers.nudge(due.length);
  } catch (failure) {
    logger.debug({ reason: messageOf(failure) }, 'whether jobs are due cannot be seen');
  }
}

/** The engine says it has stopped while it still puts away what it did last. */
async function idle(pool: Pool): Promise<void> {
  for (let looks = 0; looks < 100; looks++) {
    if (pool.waitingCount === 0 && pool.idleCount === pool.totalCount) return;
    await sleep(20);
  }
}

/** Its warnings and errors are ours; what it does all day is not worth a line. */
function quiet(logger: Logger): EngineLogger {
  return new EngineLogger(() => (level, message) => {
    if (level === 'error') logger.error({ reason: message }, 'the job engine met an error');
    else if (level === 'warning') logger.warn({ reason: message }, 'the job engine warns');
  });
}

function silent(): EngineLogger {
  return new EngineLogger(() => () => {});
}
