import { MagError } from '../../kernel/errors.ts';

interface Queue {
  busy: number;
  readonly waiting: Set<() => void>;
}

/** So many at a time for each name; who comes later waits, first come first served. */
export class Slots {
  readonly #perName: number;
  readonly #queues = new Map<string, Queue>();

  constructor(perName: number) {
    this.#perName = perName;
  }

  /** @returns what gives it back. @throws `E_DB_TIMEOUT` when none was free until `signal` aborted */
  async enter(name: string, signal: AbortSignal): Promise<() => void> {
    const queue = this.#queues.get(name) ?? { busy: 0, waiting: new Set() };
    this.#queues.set(name, queue);
    if (queue.busy >= this.#perName) await this.#turn(queue, signal);
    else queue.busy += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#leave(name, queue);
      isHeld = false;
    };
  }

  #turn(queue: Queue, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        queue.waiting.delete(next);
        reject(new MagError('E_DB_TIMEOUT', 'No connection for a transaction was free in time.'));
      };
      const next = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      if (signal.aborted) return onAbort();
      queue.waiting.add(next);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Hands the slot on to who waits the longest. */
  #leave(name: string, queue: Queue): void {
    const [next] = queue.waiting;
    if (next !== undefined) {
      queue.waiting.delete(next);
      next();
      return;
    }
    queue.busy -= 1;
    if (queue.busy === 0) this.#queues.delete(name);
  }
}
