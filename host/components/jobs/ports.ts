import type { JobsHooks } from '../../../adapters/jobs/index.ts';
import type { ComponentEvent } from '../../../kernel/adapter.ts';
import type { GuestHost } from '../../../kernel/operator.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { JobEngine } from '../../storage/job-engine.ts';
import type { JobStore } from '../../storage/job-store.ts';
import type { ScheduleStore } from '../../storage/schedule-store.ts';

/** What the component is built on. */
export interface JobParts {
  readonly store: JobStore;
  readonly schedules: ScheduleStore;
  readonly engine: JobEngine;
  readonly guests: GuestHost;
  readonly hooks: JobsHooks;
  readonly emit: (event: ComponentEvent) => Promise<void>;
  readonly logger: Logger;
  /** Milliseconds until a job is tried again after so many runs. Default: growing exponentially from 2.7 s. */
  readonly backoffMs?: (attempts: number) => number;
}
