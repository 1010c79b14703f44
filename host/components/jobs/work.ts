import { codeOf } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import type { TakenJob } from '../../storage/job-store.ts';
import type { Declared } from './declared.ts';
import type { JobParts } from './ports.ts';

/** Until what cannot be run now is looked at again. */
const SPARED_MS = 1_000;

/** Runs the jobs the engine offers. */
export class Work {
  readonly #parts: JobParts;
  readonly #declared: Declared;
  readonly #running = new Map<string, TakenJob>();
  readonly #stopping = new AbortController();

  constructor(parts: JobParts, declared: Declared) {
    this.#parts = parts;
    this.#declared = declared;
  }

  /** Ids of the jobs that run here now. */
  running(): string[] {
    return [...this.#running.keys()];
  }

  /** How many of an extension run here now. */
  countOf(extension: string): number {
    return [...this.#running.values()].filter((job) => job.extension === extension).length;
  }

  /** Cuts what runs: it waits again, for another host or the next start of this one. */
  cut(): void {
    this.#stopping.abort();
  }

  async run(id: string): Promise<void> {
    const { store } = this.#parts;
    const job = await store.take(id, (extension, name) => this.#declared.concurrency(extension, name));
    if (job === null) return; // it was cancelled, or is done already
    if (job === 'full') return store.offerAgain(id, soon());
    this.#running.set(id, job);
    try {
      await this.#do(job);
    } finally {
      this.#running.delete(id);
    }
  }

  async #do(job: TakenJob): Promise<void> {
    const { store, guests } = this.#parts;
    const { extension, id } = job;
    const startedMs = performance.now();
    const timeoutMs = this.#declared.timeoutMs(extension, job.name);
    try {
      await guests.call(extension, { kind: 'job', name: job.name }, payloadOf(job), {
        request: job.context,
        signal: this.#stopping.signal,
        ...(timeoutMs === undefined ? {} : { deadlineMs: timeoutMs }),
      });
    } catch (failure) {
      return this.#failed(job, codeOf(failure) ?? 'E_INTERNAL');
    }
    await store.end(id, 'succeeded', null);
    const duration_ms = Math.round(performance.now() - startedMs);
    this.#tell('job.completed', { extension, job: job.name, id, attempt: job.attempt, duration_ms });
  }

  /** Whoever may not run now has not failed: it waits, and has as many runs left as before. */
  async #failed({ extension, name, id, attempt, maxAttempts }: TakenJob, code: string): Promise<void> {
    const { store, guests, backoffMs = exponential } = this.#parts;
    const mayRun = !this.#stopping.signal.aborted && guests.may(extension, { kind: 'job', name });
    if (!mayRun) return store.requeue(id, soon(), code, { spared: true });
    if (attempt < maxAttempts)
      return store.requeue(id, new Date(Date.now() + backoffMs(attempt)), code, { spared: false });
    await store.end(id, 'failed', code);
    this.#tell('job.failed', { extension, job: name, id, attempts: attempt, code });
  }

  #tell(type: string, data: Json): void {
    this.#parts.emit({ type, data }).catch((failure: unknown) => {
      this.#parts.logger.warn({ type, code: codeOf(failure) }, 'the end of a job could not be told');
    });
  }
}

/** What the handler of the extension receives. */
function payloadOf({ id, name, payload, attempt, maxAttempts, schedule }: TakenJob): Json {
  return { id, name, payload, attempt, maxAttempts, schedule };
}

function soon(): Date {
  return new Date(Date.now() + SPARED_MS);
}

/** 2.7 s, 7.4 s, 20 s … 6 h, as graphile-worker has it. */
function exponential(attempts: number): number {
  return Math.exp(Math.min(10, attempts)) * 1_000;
}
