import type { Json } from '../../json.ts';
import type { JobStatus } from '../../sdk/host-api.ts';
import { type CallRow, name, object } from './row.ts';

export interface JobsCalls {
  'jobs.enqueue': {
    /** `key`: one job with it waits or runs at a time. `tenant`: the one it acts for. */
    params: {
      job: string;
      tenant?: string;
      payload?: Json;
      runAt?: string;
      delayMs?: number;
      maxAttempts?: number;
      priority?: number;
      key?: string;
    };
    /** `existing`: one with the key waits. */
    result: { id: string; existing: boolean };
  };
  'jobs.cancel': { params: { id: string }; result: { cancelled: boolean } };
  'jobs.status': { params: { id: string }; result: JobStatus | null };
  'jobs.schedule': {
    params: { name: string; cron: string; timezone?: string; job: string; payload?: Json };
    result: { nextAt: string };
  };
  'jobs.unschedule': { params: { name: string }; result: { removed: boolean } };
}

const id = { type: 'string', format: 'uuid' } as const;

export const JOBS_ROWS = {
  'jobs.enqueue': {
    adapter: { component: 'jobs', hook: 'enqueue' },
    needs: { anyOf: ['system.background_jobs'] },
    deadlineMs: 5_000,
    errors: ['E_NOT_FOUND', 'E_JOB_QUOTA', 'E_STORAGE'],
    params: object(
      {
        job: name,
        tenant: { type: 'string', pattern: '^t_[a-z0-9_-]+$', maxLength: 80 },
        payload: {},
        runAt: { type: 'string', format: 'date-time' },
        delayMs: { type: 'integer', minimum: 0, maximum: 31_536_000_000 },
        maxAttempts: { type: 'integer', minimum: 1, maximum: 25 },
        priority: { type: 'integer', minimum: -100, maximum: 100 },
        key: { type: 'string', minLength: 1, maxLength: 200 },
      },
      ['job'],
    ),
  },
  'jobs.cancel': {
    adapter: { component: 'jobs', hook: 'cancel' },
    needs: { capability: 'system.background_jobs' },
    deadlineMs: 5_000,
    errors: ['E_STORAGE'],
    params: object({ id }, ['id']),
  },
  'jobs.status': {
    adapter: { component: 'jobs', hook: 'status' },
    needs: { capability: 'system.background_jobs' },
    deadlineMs: 5_000,
    errors: ['E_STORAGE'],
    params: object({ id }, ['id']),
  },
  'jobs.schedule': {
    adapter: { component: 'jobs', hook: 'schedule' },
    needs: { capability: 'system.cron_schedule' },
    deadlineMs: 5_000,
    errors: ['E_NOT_FOUND', 'E_JOB_QUOTA', 'E_STORAGE'],
    params: object(
      {
        name,
        cron: { type: 'string', minLength: 1, maxLength: 200 },
        timezone: { type: 'string', minLength: 1, maxLength: 80 },
        job: name,
        payload: {},
      },
      ['name', 'cron', 'job'],
    ),
  },
  'jobs.unschedule': {
    adapter: { component: 'jobs', hook: 'unschedule' },
    needs: { capability: 'system.cron_schedule' },
    deadlineMs: 5_000,
    errors: ['E_STORAGE'],
    params: object({ name }, ['name']),
  },
} as const satisfies { readonly [C in keyof JobsCalls]: CallRow };
