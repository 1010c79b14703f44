import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Demand, Gate } from './gate.ts';

/** A host call under way, and all that it was allowed on. */
export interface AdmittedCall {
  /** Aborted when something that the call was allowed on is taken away. */
  readonly signal: AbortSignal;
  /** Rejects with `E_CAP_REVOKED` when that happens; else it stays open. */
  readonly revoked: Promise<never>;
  add(demands: readonly Demand[]): void;
  close(): void;
}

interface Entry {
  readonly demands: Demand[];
  readonly controller: AbortController;
}

/** Ends calls that are being done when their grant goes: a revocation holds for them too (spec 03). */
export class AdmittedCalls {
  readonly #gate: Gate;
  readonly #open = new Map<ExtensionId, Set<Entry>>();

  constructor(gate: Gate) {
    this.#gate = gate;
    gate.onChange((extension) => this.#review(extension));
  }

  open(extension: ExtensionId): AdmittedCall {
    const entry: Entry = { demands: [], controller: new AbortController() };
    const calls = this.#open.get(extension) ?? new Set();
    this.#open.set(extension, calls.add(entry));
    const { signal } = entry.controller;
    let revoked: Promise<never> | undefined;
    return {
      signal,
      get revoked() {
        revoked ??= rejectsWith(signal);
        return revoked;
      },
      add: (demands) => void entry.demands.push(...demands),
      close: () => {
        calls.delete(entry);
        if (calls.size === 0 && this.#open.get(extension) === calls) this.#open.delete(extension);
      },
    };
  }

  #review(extension: ExtensionId): void {
    for (const { demands, controller } of this.#open.get(extension) ?? []) {
      const lost = demands.find((demand) => !this.#gate.covers(extension, demand));
      if (lost === undefined) continue;
      const detail = `${lost.capability} was revoked while the call was being done`;
      controller.abort(new MagError('E_CAP_REVOKED', detail, { blame: { extension } }));
    }
  }
}

function rejectsWith(signal: AbortSignal): Promise<never> {
  const revoked = Promise.withResolvers<never>();
  revoked.promise.catch(() => undefined); // the call may be over when it is revoked
  if (signal.aborted) revoked.reject(signal.reason);
  else signal.addEventListener('abort', () => revoked.reject(signal.reason), { once: true });
  return revoked.promise;
}
