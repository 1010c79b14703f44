import type { JsonObject } from '../../manifests/json.ts';
import type { Audit } from '../operator.ts';
import type { AuditEntry, AuditRecord, AuditStore, Clock } from '../ports.ts';
import { breakIn, chain } from './chain.ts';

const PAGE = 1_000;

interface Waiting {
  readonly entry: AuditEntry;
  readonly done: () => void;
  readonly failed: (cause: unknown) => void;
}

/** The audit log: append-only, hash-chained, one batch in flight at a time. */
export class AuditLog implements Audit {
  readonly #store: AuditStore;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #writing = false;
  readonly #listeners: ((record: AuditRecord) => void)[] = [];

  constructor(store: AuditStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  record(entry: Omit<AuditEntry, 'at'>): Promise<void> {
    return new Promise((done, failed) => {
      const detail = JSON.parse(JSON.stringify(entry.detail)) as JsonObject; // as it will be read back
      this.#waiting.push({ entry: { ...entry, detail, at: this.#clock.now() }, done, failed });
      if (!this.#writing) void this.#drain();
    });
  }

  /** Calls back with every record of this host once it is durable. */
  onRecord(listener: (record: AuditRecord) => void): void {
    this.#listeners.push(listener);
  }

  async verify(): Promise<{ ok: true; records: number } | { ok: false; brokenAt: number; reason: string }> {
    let previous: AuditRecord | null = null;
    let records = 0;
    for (;;) {
      const page: AuditRecord[] = await this.#store.read({ after: records, limit: PAGE });
      for (const record of page) {
        const reason = breakIn(previous, record);
        if (reason !== null) return { ok: false, brokenAt: record.sequence, reason };
        previous = record;
      }
      records += page.length;
      if (page.length < PAGE) return { ok: true, records };
    }
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        let records: readonly AuditRecord[] = [];
        await this.#store.append((last) => {
          records = chain(
            last,
            batch.map(({ entry }) => entry),
          );
          return records;
        });
        for (const { done } of batch) done();
        for (const record of records) for (const listener of this.#listeners) listener(record);
      } catch (cause) {
        for (const { failed } of batch) failed(cause);
      }
    }
    this.#writing = false;
  }
}
