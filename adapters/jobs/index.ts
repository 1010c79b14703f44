export { createJobsAdapter, type JobsHooks } from './jobs-adapter.ts';
export type { JobOwner, JobQueue, NewJob, NewSchedule } from './ports.ts';
