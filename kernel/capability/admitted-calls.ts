import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Demand, Gate } from './gate.ts';

/** Ends calls that are being done when their grant goes: a revocation holds for them too (spec 03). */
export class AdmittedCalls {
  readonly #gate: Gate;
  readonly #open = new Map<ExtensionId, Set<AdmittedCall>>();

  constructor(gate: Gate) {
    this.#gate = gate;
    gate.onChange((extension) => this.#review(extension));
  }

  /** @param demands what it is allowed on so far */
  open(extension: ExtensionId, demands: readonly Demand[] = []): AdmittedCall {
    let calls = this.#open.get(extension);
    if (calls === undefined) {
      calls = new Set();
      this.#open.set(extension, calls);
    }
    const call = new AdmittedCall(demands, calls);
    calls.add(call);
    return call;
  }

  #review(extension: ExtensionId): void {
    for (const call of this.#open.get(extension) ?? []) {
      const lost = call.demands.find((demand) => !this.#gate.covers(extension, demand));
      if (lost === undefined) continue;
      const detail = `${lost.capability} was revoked while the call was being done`;
      call.revoke(new MagError('E_CAP_REVOKED', detail, { blame: { extension } }));
    }
  }
}

/**
 * A call under way, and all that it was allowed on. It tells of its revocation as an `AbortSignal` does (and makes one
 * where nothing else will do): every request has one of these, and hardly any is revoked.
 */
export class AdmittedCall {
  readonly #calls: Set<AdmittedCall>;
  #demands: readonly Demand[];
  #reason: MagError | null = null;
  /** Never changed in place: one may go while they are told. */
  #listeners: readonly (() => void)[] = [];
  #controller: AbortController | null = null;
  #revoked: Promise<never> | null = null;

  /** @param calls where it is among others while it is open */
  constructor(demands: readonly Demand[], calls: Set<AdmittedCall>) {
    this.#demands = demands;
    this.#calls = calls;
  }

  get demands(): readonly Demand[] {
    return this.#demands;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  /** `E_CAP_REVOKED`; `null` while it goes on. */
  get reason(): MagError | null {
    return this.#reason;
  }

  /** Aborted when something that the call was allowed on is taken away. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.aborted) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Rejects with `E_CAP_REVOKED` when that happens; else it stays open. */
  get revoked(): Promise<never> {
    this.#revoked ??= this.#rejection();
    return this.#revoked;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  add(demands: readonly Demand[]): void {
    this.#demands = this.#demands.length === 0 ? demands : [...this.#demands, ...demands];
  }

  /** Once: what comes later changes nothing. */
  revoke(reason: MagError): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    this.#calls.delete(this);
  }

  #rejection(): Promise<never> {
    const revoked = Promise.withResolvers<never>();
    revoked.promise.catch(() => undefined); // the call may be over when it is revoked
    if (this.aborted) revoked.reject(this.#reason);
    else this.addEventListener('abort', () => revoked.reject(this.#reason));
    return revoked.promise;
  }
}
