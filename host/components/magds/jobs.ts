import { MagError, messageOf, toMagError } from '../../../kernel/errors.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { HeldLock } from '../../storage/database-server.ts';
import type { JobError } from './ports.ts';

/** Longer than this no backup and no restore takes. */
const DEADLINE_MS = 6 * 3_600_000;

/** What goes on behind an answer. It holds the lock of its database, and ends when that is lost. */
export class Jobs implements AsyncDisposable {
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * @param lock is given back at the end
   * @param end puts the end on record: what `work` threw, or null
   */
  start(
    id: string,
    lock: HeldLock,
    work: (signal: AbortSignal) => Promise<void>,
    end: (error: JobError | null) => Promise<void>,
  ): void {
    const signal = AbortSignal.any([this.#stop.signal, lost(lock), AbortSignal.timeout(DEADLINE_MS)]);
    const done = this.#run(lock, signal, work, end)
      .catch((error: unknown) =>
        this.#logger.error({ job: id, reason: messageOf(error) }, 'the end of a job is not on record'),
      )
      .finally(() => this.#running.delete(id));
    this.#running.set(id, done);
  }

  /** Resolves when it has ended, or `over` is aborted; at once for one that does not run on this host. */
  async wait(id: string, over: AbortSignal): Promise<void> {
    if (over.aborted) return;
    const ended = Promise.withResolvers<void>();
    over.addEventListener('abort', () => ended.resolve(), { once: true });
    await Promise.race([this.#running.get(id), ended.promise]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new MagError('E_SHUTDOWN', 'The host was shut down.'));
    await Promise.all(this.#running.values());
  }

  async #run(
    lock: HeldLock,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
    end: (error: JobError | null) => Promise<void>,
  ): Promise<void> {
    await using _held = lock;
    const error = await work(signal).then(
      () => null,
      (failure: unknown) => this.#told(failure),
    );
    await end(error);
  }

  #told(failure: unknown): JobError {
    const { code, message } = toMagError(failure, 'E_BACKUP');
    this.#logger.warn({ err: failure, code }, 'a backup or a restore failed');
    return { code, detail: message };
  }
}

function lost(lock: HeldLock): AbortSignal {
  const signal = new AbortController();
  const onLost = () =>
    signal.abort(new MagError('E_STORAGE', 'The connection to the database of the host was lost.'));
  if (lock.lost.aborted) onLost();
  else lock.lost.addEventListener('abort', onLost, { once: true });
  return signal.signal;
}
