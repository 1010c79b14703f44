import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { EventLog, Logger, Outbox, StoredEvent } from '../ports.ts';
import { WorkLoop } from '../work-loop.ts';

/** How often a host looks for what another one left behind. Of what commits here it is told. */
const LOOK_MS = 5_000;
/** After a try that failed. */
const AGAIN_MS = 1_000;

type NewEvent = Omit<StoredEvent, 'sequence'>;

export interface OutboxRelayOptions {
  readonly outbox: Outbox;
  readonly log: Pick<EventLog, 'append'>;
  readonly logger: Logger;
  /** How often it looks without being told. Default: 5 s. */
  readonly lookMs?: number;
}

/**
 * Publishes what committed transactions left in the outbox. A crash on the way publishes an event again, and
 * the log takes it once: it goes by the id.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  readonly #loop = new WorkLoop(() => this.#look());
  #stopped = false;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), this.#options.lookMs ?? LOOK_MS).unref();
    this.wake();
  }

  /** Looks now; cheap when it is looking already. */
  wake(): void {
    if (!this.#stopped) void this.#loop.wake();
  }

  /** Ends after what is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#loop.ended();
    clearTimeout(this.#again);
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      for (const extension of await this.#options.outbox.waiting()) await this.#empty(extension);
    } catch (failure) {
      const fields = { code: codeOf(failure), reason: messageOf(failure) };
      this.#options.logger.error(fields, 'the outbox could not be published; trying again');
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.wake(), AGAIN_MS).unref();
    }
  }

  async #empty(extension: ExtensionId): Promise<void> {
    const { outbox } = this.#options;
    while (!this.#stopped) {
      if ((await outbox.hand(extension, (events) => this.#publish(events))) === 0) return;
    }
  }

  /** What the log will never take must not keep back what is behind it. */
  async #publish(events: readonly NewEvent[]): Promise<void> {
    const { log, logger } = this.#options;
    try {
      await log.append(events);
    } catch (failure) {
      if (codeOf(failure) !== 'E_EVENT_SCHEMA') throw failure;
      const [event] = events;
      if (events.length > 1) for (const one of events) await this.#publish([one]);
      else logger.error({ event, reason: messageOf(failure) }, 'an event in the outbox cannot be published');
    }
  }
}
