import type { Code } from '../../manifests/catalog/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import { MagError } from '../errors.ts';
import type { CallUnit } from '../transactions.ts';
import type { InvokeOptions } from './cell.ts';

/** A call the guest has not answered. */
export interface PendingCall {
  readonly id: number;
  readonly request: RequestContext | null;
  readonly unit: CallUnit | null;
  readonly chain: readonly ExtensionId[];
  readonly cpuMs: number;
  /** Ends the host calls made on its behalf; there when the first one is. */
  abort: AbortController | null;
  /** What the host refused host calls of this call with; there when the first one is. */
  refused: Map<Code, string> | null;
  readonly resolve: (value: string) => void;
  readonly reject: (error: MagError) => void;
  /** The cell has said something about it. */
  acked: boolean;
  /** The one acknowledgement there can be has come. */
  acknowledged: boolean;
}

export type NewCall = Pick<PendingCall, 'resolve' | 'reject'> &
  Pick<InvokeOptions, 'request' | 'cpuMs'> & {
    readonly unit?: CallUnit | undefined;
    readonly chain?: readonly ExtensionId[] | undefined;
    /** Its `ctx` stays good after it ended: work that `start()` leaves running. */
    readonly lasting: boolean;
  };

/** Why host calls end with their call. One for all: what made them has its own account of it. */
const OVER = new MagError('E_LIMIT_WALL', 'the call this belongs to is over');

const NO_CHAIN: readonly ExtensionId[] = [];

/** What an id from a cell stands for. */
export type Lookup = PendingCall | 'given-up' | 'lasting' | 'over' | 'never-issued';

/** The calls into one cell, by the ids the host chose. */
export class CallTable {
  readonly #pending = new Map<number, PendingCall>();
  readonly #givenUp = new Map<number, PendingCall>();
  readonly #lasting = new Set<number>();
  #lastId = 0;

  get size(): number {
    return this.#pending.size;
  }

  /** Calls nobody waits for any more that the cell has not answered. */
  get givenUp(): number {
    return this.#givenUp.size;
  }

  /** The largest processor budget of the calls in flight, in milliseconds. */
  get maxCpuMs(): number {
    let max = 0;
    for (const { cpuMs } of this.#pending.values()) max = Math.max(max, cpuMs);
    return max;
  }

  open(call: NewCall): PendingCall {
    const id = ++this.#lastId;
    const { lasting, unit = null, chain = NO_CHAIN, request, cpuMs, resolve, reject } = call;
    const pending: PendingCall = {
      ...{ id, request, unit, chain, cpuMs, resolve, reject },
      ...{ abort: null, refused: null, acked: false, acknowledged: false },
    };
    this.#pending.set(id, pending);
    if (lasting) this.#lasting.add(id);
    return pending;
  }

  lookup(id: number): Lookup {
    const pending = this.#pending.get(id);
    if (pending !== undefined) return pending;
    if (this.#givenUp.has(id)) return 'given-up';
    if (this.#lasting.has(id)) return 'lasting';
    return id > 0 && id <= this.#lastId ? 'over' : 'never-issued';
  }

  /** Notes the acknowledgement of a call. False when none can come. */
  acknowledge(id: number): boolean {
    const call = this.#pending.get(id) ?? this.#givenUp.get(id);
    if (call === undefined || call.acknowledged) return false;
    call.acknowledged = true;
    call.acked = true;
    return true;
  }

  /** Takes a call out because it was answered. */
  close(call: PendingCall): void {
    this.#pending.delete(call.id);
    call.abort?.abort(OVER);
  }

  /** Takes a call out although the guest may still answer it. */
  giveUp(call: PendingCall): void {
    this.close(call);
    this.#givenUp.set(call.id, call);
  }

  /** The answer to a call that was given up has come: there will not be another one. */
  forget(id: number): void {
    this.#givenUp.delete(id);
  }

  /** @param notTaken for calls the guest never said it had; `null`: the same error */
  rejectAll(error: MagError, notTaken: MagError | null): void {
    for (const call of [...this.#pending.values()]) {
      this.close(call);
      call.reject(call.acked ? error : (notTaken ?? error));
    }
  }
}
