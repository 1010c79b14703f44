import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import type { JobStatus } from '../../manifests/sdk/host-api.ts';

/** Whose jobs: an extension sees those of its own in the tenant of the request, and no others. */
export interface JobOwner {
  readonly extension: ExtensionId;
  readonly tenantId: string;
}

export interface NewJob extends JobOwner {
  readonly job: string;
  readonly payload: Json;
  /** In what it was asked for; the job acts in it. */
  readonly context: RequestContext | null;
  /** `null`: now. */
  readonly runAt: Date | null;
  readonly maxAttempts: number;
  /** The lower, the sooner. */
  readonly priority: number;
  readonly key: string | null;
  /** The schedule it comes from. */
  readonly schedule: string | null;
}

export interface NewSchedule extends JobOwner {
  readonly name: string;
  readonly job: string;
  readonly cron: string;
  readonly timezone: string;
  readonly payload: Json;
}

/** What the component behind the adapter does. Every method may throw `E_STORAGE`. */
export interface JobQueue {
  /** Durable when it resolves. @throws `E_JOB_QUOTA` */
  enqueue(job: NewJob): Promise<{ id: string; existing: boolean }>;
  /** False: there is none that waits. */
  cancel(owner: JobOwner, id: string): Promise<boolean>;
  status(owner: JobOwner, id: string): Promise<JobStatus | null>;
  /** Sets it, in place of one of that name. @throws `E_JOB_QUOTA` */
  schedule(schedule: NewSchedule): Promise<{ nextAt: Date }>;
  /** False: there is none. */
  unschedule(owner: JobOwner, name: string): Promise<boolean>;
}
