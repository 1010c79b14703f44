import type { Audit } from '../operator.ts';
import type { AuditEntry, Clock } from '../ports.ts';

/** Repeats of one thing within this time become one record with a count. */
export const WINDOW_MS = 60_000;

type Entry = Omit<AuditEntry, 'at'>;

interface Window {
  readonly entry: Entry;
  readonly startedMs: number;
  /** Repeats not in the audit yet. */
  unrecorded: number;
}

/** Puts on record what repeats: the first at once, what follows aggregated with a count and never dropped. */
export class Repeats {
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(audit: Audit, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  /** @param key what makes two the same */
  async record(key: string, entry: Entry): Promise<void> {
    const now = this.#clock.now().getTime();
    const open = this.#windows.get(key);
    if (open !== undefined && now - open.startedMs < WINDOW_MS) {
      open.unrecorded += 1;
      return;
    }
    this.#windows.set(key, { entry, startedMs: now, unrecorded: 0 });
    if (open !== undefined) await this.#write(open);
    await this.#write({ entry, startedMs: now, unrecorded: 1 });
  }

  /** Writes the counts of windows that are over, or of all of them. */
  async flush(options: { all: boolean }): Promise<void> {
    const now = this.#clock.now().getTime();
    for (const [key, window] of this.#windows) {
      if (!options.all && now - window.startedMs < WINDOW_MS) continue;
      this.#windows.delete(key);
      await this.#write(window);
    }
  }

  async #write({ entry, unrecorded }: Window): Promise<void> {
    if (unrecorded === 0) return;
    await this.#audit.record({ ...entry, detail: { ...entry.detail, count: unrecorded } });
  }
}
