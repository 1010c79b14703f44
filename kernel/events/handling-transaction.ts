import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { Gate } from '../capability/gate.ts';
import { MagError } from '../errors.ts';
import type { StoredEvent, Transactions } from '../ports.ts';
import { type CallUnit, type OpenTransaction, requireStillAllowed } from '../transactions.ts';
import { requestOf } from './event-context.ts';

export interface HandlingOptions {
  readonly transactions: Transactions;
  readonly gate: Gate;
  readonly extension: ExtensionId;
  readonly event: StoredEvent;
  /** It is delivered once more: the place of the subscription is left where it is. */
  readonly again: boolean;
  /** Of the call that handles it. */
  readonly deadlineMs: number;
}

/** What committing may take beyond the time of the handler, in milliseconds. */
const COMMIT_MS = 5_000;

/**
 * One event, handled in one transaction with all its effects in the database, the place of the subscription
 * among them. A handler that does nothing there needs no transaction, and gets none.
 */
export class HandlingTransaction implements CallUnit {
  readonly #options: HandlingOptions;
  readonly #ended = new AbortController();
  #opened: Promise<OpenTransaction> | null = null;
  #wasHandled = false;

  constructor(options: HandlingOptions) {
    this.#options = options;
  }

  /** The place was behind the event when the handler came to its first effect: it has none now. */
  get wasHandled(): boolean {
    return this.#wasHandled;
  }

  join(): Promise<OpenTransaction> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** @returns whether anything was done. @throws what opening threw; `E_CAP_REVOKED`, `E_DB`, `E_STORAGE` */
  async commit(): Promise<boolean> {
    const { gate, extension } = this.#options;
    if (this.#opened === null || this.#wasHandled) return false;
    const { transaction, demands } = await this.#opened;
    requireStillAllowed(gate, extension, demands);
    await transaction.commit();
    return true;
  }

  /** Never throws. After a commit it does nothing. */
  async rollback(): Promise<void> {
    this.#ended.abort(new MagError('E_LIMIT_WALL', 'the handling of this event is over'));
    const opened = await this.#opened?.catch(() => null); // it never opened: whoever asked was told
    await opened?.transaction.rollback();
  }

  async #open(): Promise<OpenTransaction> {
    const { transactions, extension, event, again, deadlineMs } = this.#options;
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(deadlineMs)]);
    const maxMs = deadlineMs + COMMIT_MS;
    const tenantId = requestOf(event)?.tenantId ?? null;
    const transaction = await transactions.begin({ extension, tenantId, signal, maxMs });
    const { component } = event.source;
    const place = { type: event.event_type, component, sequence: event.sequence };
    try {
      if (again || (await transaction.take(place, signal))) return { transaction, demands: [] };
      this.#wasHandled = true;
      throw new MagError('E_STATE', 'this event was handled before: nothing is done for it again');
    } catch (failure) {
      await transaction.rollback();
      throw failure;
    }
  }
}
