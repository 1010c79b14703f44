import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, messageOf } from '../errors.ts';
import type { DeadLetter, EventLog, EventPage, Logger, StoredEvent, SubscriptionKey } from '../ports.ts';
import { WorkLoop } from '../work-loop.ts';
import { type DeliveryOutcome, isOver } from './in-turn.ts';

const BATCH = 128;
/** The place is written down after so many events, while the next ones are handled, and at the end of all. */
const ADVANCE_EVERY = 50;
/** So many events may be in hand, or handled and not written down: what a host that is killed delivers again. */
const MOST_UNWRITTEN = 100;
/** Events that are handed over at once, so that they do not travel one by one: while each is handled in no time. */
const MOST_IN_HAND = 32;
/** Milliseconds that those in hand may take: who stops, or may not see them any more, does not wait for many. */
const IN_HAND_MS = 50;

export interface RetryPolicy {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 8, baseMs: 200, maxMs: 30_000 };

/** What became of the events of a subscription since this host began to deliver to it. */
export interface DeliveryCounts {
  delivered: number;
  retries: number;
  deadLetters: number;
}

export interface SubscriberOptions {
  readonly log: Pick<EventLog, 'page'>;
  readonly key: SubscriptionKey;
  readonly component: string;
  /** Everything up to it is handled. */
  readonly cursor: number;
  /** The last event of a replay. Absent: it goes on with what comes. */
  readonly until?: number;
  readonly retry: RetryPolicy;
  readonly logger: Logger;
  readonly counts: DeliveryCounts;
  /** Hands over events that follow each other. What an outcome rejects with means: try again. */
  readonly deliver: (events: readonly StoredEvent[]) => Promise<DeliveryOutcome>[];
  /** Writes down that everything up to a sequence is handled. */
  readonly advance: (sequence: number) => Promise<void>;
  readonly deadLetter: (entry: Omit<DeadLetter, 'id' | 'at'>) => Promise<void>;
}

/**
 * Brings one subscription forward: one event after the other in `sequence` order, retried in place so that order
 * holds, moved to the dead letters after the last attempt. A slow or failing extension delays only itself.
 * Delivery is at least once: the place is written after the handler succeeded.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #stop = new AbortController();
  #cursor: number;
  #written: number;
  #writing: Promise<void> | null = null;
  /** Of the event behind the place. */
  #attempts = 0;
  #mostInHand = 1;
  readonly #loop = new WorkLoop(() => this.#look());

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#cursor = options.cursor;
    this.#written = options.cursor;
  }

  /** Looks for new events; cheap when it is looking already. */
  wake(): void {
    if (!this.#stop.signal.aborted) void this.#loop.wake();
  }

  /** Waits for the events in hand, then ends. The place is kept. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop.ended();
  }

  async #look(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      await this.#drain();
    } catch (failure) {
      this.#options.logger.error(
        { ...this.#options.key, code: codeOf(failure), reason: messageOf(failure) },
        'a subscription could not be brought forward; trying again',
      );
      this.wake();
      await this.#pause(1_000);
    }
  }

  async #drain(): Promise<void> {
    const { log, component, key, until = Number.POSITIVE_INFINITY } = this.#options;
    const look = (after: number) => log.page(component, after, BATCH, [key.type]);
    let ahead: Promise<EventPage> | null = null;
    for (;;) {
      const page: EventPage = await (ahead ?? look(this.#cursor));
      const { events } = page;
      const head = Math.min(page.head, until);
      if (head <= this.#cursor) return this.#write();
      const last = events.at(-1)?.sequence ?? until;
      ahead = events.length === BATCH && last < until ? look(last) : null;
      ahead?.catch(() => undefined); // whoever comes to it is told
      let rest = events.filter(({ sequence }) => sequence <= until);
      while (rest.length > 0) {
        const unwritten = this.#cursor - this.#written;
        if (unwritten >= MOST_UNWRITTEN) await this.#write();
        else if (unwritten >= ADVANCE_EVERY && this.#writing === null) this.#beginWriting();
        const most = Math.min(this.#mostInHand, MOST_UNWRITTEN - (this.#cursor - this.#written));
        if (!(await this.#handle(rest.slice(0, most)))) return this.#write();
        rest = rest.filter(({ sequence }) => sequence > this.#cursor);
      }
      if (ahead === null) this.#cursor = Math.max(this.#cursor, head);
    }
  }

  /** Comes as far as it can with some events. False: stop here and keep the place. */
  async #handle(hand: readonly StoredEvent[]): Promise<boolean> {
    if (this.#stop.signal.aborted) return false;
    const startedAt = performance.now();
    // All have ended when one is looked at: of what is delivered again nothing is under way.
    const outcomes = await Promise.allSettled(this.#options.deliver(hand));
    const tookMs = performance.now() - startedAt;
    for (const [index, event] of hand.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === 'fulfilled' && isOver(outcome.value)) {
        if (outcome.value === 'handled') this.#options.counts.delivered++;
        this.#pass(event);
        continue;
      }
      this.#mostInHand = 1;
      if (outcome?.status === 'rejected') await this.#failed(event, outcome.reason);
      return outcome?.status !== 'fulfilled' || outcome.value !== 'parked';
    }
    const inTime = Math.floor((hand.length * IN_HAND_MS) / tookMs);
    if (tookMs > IN_HAND_MS) this.#mostInHand = Math.max(1, inTime);
    else if (hand.length === this.#mostInHand) this.#mostInHand = Math.min(MOST_IN_HAND, hand.length * 2);
    return true;
  }

  #pass(event: StoredEvent): void {
    this.#cursor = event.sequence;
    this.#attempts = 0;
  }

  /** Waits until it is tried again, or makes a dead letter of it. */
  async #failed(event: StoredEvent, failure: unknown): Promise<void> {
    const { retry, key, counts } = this.#options;
    this.#attempts++;
    if (this.#attempts < retry.attempts) {
      counts.retries++;
      await this.#pause(backoff(retry, this.#attempts));
      return;
    }
    const error = { code: codeOf(failure) ?? 'E_EXTENSION', detail: messageOf(failure) };
    await this.#options.deadLetter({ subscription: key, event, attempts: this.#attempts, error });
    counts.deadLetters++;
    this.#pass(event);
  }

  /** Resolves when the place is written down as it is now. */
  async #write(): Promise<void> {
    while (this.#written !== this.#cursor) await (this.#writing ?? this.#beginWriting());
  }

  #beginWriting(): Promise<void> {
    const sequence = this.#cursor;
    const writing = this.#writeDown(sequence);
    writing.catch(() => undefined); // it is tried again, and whoever waits for that is told
    this.#writing = writing;
    return writing;
  }

  async #writeDown(sequence: number): Promise<void> {
    try {
      await this.#options.advance(sequence);
      this.#written = sequence;
    } finally {
      this.#writing = null;
    }
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
