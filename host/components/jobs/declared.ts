import type { JobsHooks } from '../../../adapters/jobs/index.ts';
import type { ExtensionId, JobContribution } from '../../../manifests/manifest/manifest.ts';

/** What the manifests of the extensions that run here say of their jobs. */
export class Declared {
  readonly #hooks: JobsHooks;

  constructor(hooks: JobsHooks) {
    this.#hooks = hooks;
  }

  /** 0 for a job that nobody here has. */
  concurrency(extension: string, name: string): number {
    return this.#find(extension, name)?.concurrency ?? 0;
  }

  timeoutMs(extension: string, name: string): number | undefined {
    return this.#find(extension, name)?.timeoutMs;
  }

  maxAttempts(extension: string, name: string): number {
    return this.#find(extension, name)?.maxAttempts ?? 1;
  }

  /** Extensions that run here and have jobs. */
  extensions(): ExtensionId[] {
    return [...new Set(this.#hooks.jobs.list().map(({ extension }) => extension))];
  }

  #find(extension: string, name: string): JobContribution | undefined {
    const jobs = this.#hooks.jobs.list();
    return jobs.find((job) => job.extension === extension && job.value.name === name)?.value;
  }
}
