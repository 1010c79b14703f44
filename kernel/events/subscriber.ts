import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, messageOf } from '../errors.ts';
import type { EventLog, Logger, StoredEvent, SubscriptionKey } from '../ports.ts';

const BATCH = 100;
/** The place is written at the end of a batch and at least after so many events. */
const ADVANCE_EVERY = 20;

export interface RetryPolicy {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 8, baseMs: 200, maxMs: 30_000 };

/** `parked`: the extension does not run; keep the place and stop. */
export type DeliveryOutcome = 'handled' | 'parked';

export interface SubscriberOptions {
  readonly log: EventLog;
  readonly key: SubscriptionKey;
  readonly component: string;
  readonly cursor: number;
  readonly retry: RetryPolicy;
  readonly logger: Logger;
  readonly deliver: (event: StoredEvent) => Promise<DeliveryOutcome>;
}

/**
 * Brings one subscription forward: one event at a time in `sequence` order, retried in place so that order
 * holds, moved to the dead letters after the last attempt. A slow or failing extension delays only itself.
 * Delivery is at least once: the place is written after the handler succeeded.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #stop = new AbortController();
  #cursor: number;
  #written: number;
  #woken = true;
  #running: Promise<void> | null = null;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#cursor = options.cursor;
    this.#written = options.cursor;
  }

  /** Looks for new events; cheap when it is looking already. */
  wake(): void {
    this.#woken = true;
    if (this.#running !== null || this.#stop.signal.aborted) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#woken) this.wake();
    });
  }

  /** Waits for the event in hand, then ends. The place is kept. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#woken && !this.#stop.signal.aborted) {
      this.#woken = false;
      try {
        await this.#drain();
      } catch (failure) {
        this.#options.logger.error(
          { ...this.#options.key, code: codeOf(failure), reason: messageOf(failure) },
          'a subscription could not be brought forward; trying again',
        );
        this.#woken = true;
        await this.#pause(1_000);
      }
    }
  }

  async #drain(): Promise<void> {
    const { log, component, key } = this.#options;
    for (;;) {
      const head = (await log.heads()).get(component) ?? 0;
      if (head <= this.#cursor) return;
      const events = await log.read(component, this.#cursor, BATCH, [key.type]);
      for (const event of events) {
        if (!(await this.#handle(event))) return this.#write();
        this.#cursor = event.sequence;
        if (this.#cursor - this.#written >= ADVANCE_EVERY) await this.#write();
      }
      // Everything up to the head read before is seen: events of other types are stepped over.
      if (events.length < BATCH) this.#cursor = Math.max(this.#cursor, head);
      await this.#write();
    }
  }

  /** False: stop here and keep the place. */
  async #handle(event: StoredEvent): Promise<boolean> {
    const { retry, log, key } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      if (this.#stop.signal.aborted) return false;
      try {
        return (await this.#options.deliver(event)) === 'handled';
      } catch (failure) {
        if (attempt >= retry.attempts) {
          const error = { code: codeOf(failure) ?? 'E_EXTENSION', detail: messageOf(failure) };
          await log.deadLetter({ subscription: key, event, attempts: attempt, error });
          return true;
        }
        await this.#pause(backoff(retry, attempt));
      }
    }
  }

  async #write(): Promise<void> {
    if (this.#written === this.#cursor) return;
    await this.#options.log.advance(this.#options.key, this.#options.component, this.#cursor);
    this.#written = this.#cursor;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined); // stopping cuts the pause short
  }
}

/** Exponential with full jitter on the upper half: between 0.5 and 1 times base * 2^(attempt-1). */
function backoff(retry: RetryPolicy, attempt: number): number {
  const ceiling = Math.min(retry.maxMs, retry.baseMs * 2 ** (attempt - 1));
  return ceiling / 2 + Math.random() * (ceiling / 2);
}
