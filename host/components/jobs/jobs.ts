import type { JobQueue } from '../../../adapters/jobs/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import { nextTime } from '../../../manifests/manifest/schedule-rules.ts';
import { flagOf } from '../../storage/job-queue.ts';
import { Declared } from './declared.ts';
import type { JobParts } from './ports.ts';
import { Schedules } from './schedules.ts';
import { Work } from './work.ts';

/** How often due schedules are looked for. */
const TICK_MS = 1_000;
/** How often jobs of hosts that are gone are looked for. */
const RECOVER_MS = 5_000;
/** Jobs of one extension that this host runs at once: the others find room. */
const MAX_PER_EXTENSION = 4;
/** How long what runs may take to end when the host stops. */
const GRACE_MS = 3_000;

/** The component behind the adapter of jobs. */
export interface Jobs {
  readonly queue: JobQueue;
  start(): Promise<void>;
  /** Takes nothing new, and lets what runs end for a moment; the rest waits for the next start or another host. */
  stop(): Promise<void>;
}

export function createJobs(parts: JobParts): Jobs {
  const { store, engine, logger } = parts;
  const declared = new Declared(parts.hooks);
  const work = new Work(parts, declared);
  const schedules = new Schedules(parts, declared);
  const timers: NodeJS.Timeout[] = [];
  const every = (ms: number, what: string, task: () => Promise<unknown>) => {
    let busy = false;
    const timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      await task().catch((failure: unknown) => logger.warn({ reason: messageOf(failure) }, what));
      busy = false;
    }, ms);
    timers.push(timer.unref());
  };
  return {
    queue: queueOf(parts),
    async start() {
      await store.recover([]);
      await engine.start(
        (id) => work.run(id),
        () => leave(parts, declared, work),
      );
      every(TICK_MS, 'schedules could not be looked at', () => schedules.fire());
      every(RECOVER_MS, 'lost jobs could not be looked for', () => store.recover(work.running()));
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      const cut = setTimeout(() => work.cut(), GRACE_MS);
      await engine.stop();
      clearTimeout(cut);
    },
  };
}

/** Flags of the jobs that wait and cannot be run here now. */
async function leave({ store, guests }: JobParts, declared: Declared, work: Work): Promise<string[]> {
  const counts = await store.counts();
  return counts
    .filter(({ extension, name, running }) => {
      if (!guests.may(extension, { kind: 'job', name })) return true;
      return running >= declared.concurrency(extension, name) || work.countOf(extension) >= MAX_PER_EXTENSION;
    })
    .map(({ extension, name }) => flagOf(extension, name));
}

function queueOf({ store, schedules }: JobParts): JobQueue {
  return {
    enqueue: (job) => store.enqueue(job),
    cancel: (owner, id) => store.cancel(owner, id),
    status: (owner, id) => store.status(owner, id),
    async schedule(schedule) {
      const nextAt = nextTime(schedule.cron, schedule.timezone, new Date());
      if (nextAt === null) throw new MagError('E_PARAMS', 'none of these times ever comes');
      await schedules.put({ ...schedule, nextAt });
      return { nextAt };
    },
    unschedule: (owner, name) => schedules.remove(owner, name),
  };
}
