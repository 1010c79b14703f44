import type { Demand, Gate } from './capability/gate.ts';
import { MagError } from './errors.ts';
import type { Caller, Transaction, Transactions } from './ports.ts';

/** Milliseconds after which a transaction is rolled back, however long its call may go on. */
export const MAX_TRANSACTION_MS = 30_000;

/** A transaction, and what has been done in it is allowed on. */
export interface OpenTransaction {
  readonly transaction: Transaction;
  readonly demands: Demand[];
}

interface OfCall extends OpenTransaction {
  /** No longer waits for the end of the call, which may be that of the cell: work that `start()` left running. */
  readonly unlink: () => void;
}

/** All effects of a call in one transaction, which is opened with the first of them. */
export interface CallUnit {
  join(): Promise<OpenTransaction>;
}

/** @throws `E_CAP_REVOKED` when something that was done in a transaction would not be allowed any more */
export function requireStillAllowed(
  gate: Gate,
  extension: Caller['extension'],
  demands: readonly Demand[],
): void {
  const lost = demands.find((demand) => !gate.covers(extension, demand));
  if (lost === undefined) return;
  const detail = `${lost.capability} was revoked before the commit`;
  throw new MagError('E_CAP_REVOKED', detail, { blame: { extension } });
}

/**
 * The transactions that calls have opened: one at a time for each, gone with it. A call is known by the signal
 * that ends it, so the id of a transaction is of no use anywhere else.
 */
export class CallTransactions {
  readonly #transactions: Transactions;
  readonly #gate: Gate;
  readonly #onCommit: (extension: Caller['extension']) => void;
  readonly #open = new WeakMap<AbortSignal, OfCall | 'opening'>();

  /** @param onCommit hears of every commit: there may be events to publish */
  constructor(transactions: Transactions, gate: Gate, onCommit: (extension: Caller['extension']) => void) {
    this.#transactions = transactions;
    this.#gate = gate;
    this.#onCommit = onCommit;
  }

  /** @throws `E_PARAMS` when the call has one already, `E_DB_TIMEOUT`, `E_STORAGE` */
  async begin(caller: Caller): Promise<{ transaction: string }> {
    const { call, extension, request, signal } = caller;
    if (this.#open.has(call)) throw inOneAlready();
    this.#open.set(call, 'opening');
    try {
      if ((await caller.transaction()) !== null) throw inOneAlready();
      const tenantId = request?.tenantId ?? null;
      const transaction = await this.#transactions.begin({
        extension,
        tenantId,
        signal,
        maxMs: MAX_TRANSACTION_MS,
      });
      this.#open.set(call, { transaction, demands: [], unlink: this.#endWith(call, transaction) });
      return { transaction: transaction.id };
    } catch (failure) {
      this.#open.delete(call);
      throw failure;
    }
  }

  /** @throws `E_PARAMS` unless this very call opened it, and has not ended it */
  find(call: AbortSignal, id: string): OfCall {
    const open = this.#open.get(call);
    if (open !== undefined && open !== 'opening' && open.transaction.id === id) return open;
    throw new MagError('E_PARAMS', 'this call has no such transaction open');
  }

  /** @throws `E_PARAMS`, `E_CAP_REVOKED`, `E_DB`, `E_DB_TIMEOUT`, `E_STORAGE`; it is over in any case */
  async commit(caller: Caller, id: string): Promise<null> {
    const { transaction, demands } = this.#take(caller.call, id);
    try {
      requireStillAllowed(this.#gate, caller.extension, demands);
      await transaction.commit();
    } catch (failure) {
      await transaction.rollback();
      throw failure;
    }
    this.#onCommit(caller.extension);
    return null;
  }

  /** @throws `E_PARAMS` */
  async rollback(caller: Caller, id: string): Promise<null> {
    const { transaction } = this.#take(caller.call, id);
    await transaction.rollback();
    return null;
  }

  #take(call: AbortSignal, id: string): OpenTransaction {
    const open = this.find(call, id);
    this.#open.delete(call);
    open.unlink();
    return open;
  }

  #endWith(call: AbortSignal, transaction: Transaction): () => void {
    const end = () => {
      this.#open.delete(call);
      void transaction.rollback(new MagError('E_LIMIT_WALL', 'the call this transaction belongs to is over'));
    };
    if (call.aborted) end();
    else call.addEventListener('abort', end, { once: true });
    return () => call.removeEventListener('abort', end);
  }
}

function inOneAlready(): MagError {
  return new MagError('E_PARAMS', 'a call has one transaction at a time, and this one is in one already');
}
