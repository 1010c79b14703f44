import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import type { Demand, Gate } from './capability/gate.ts';
import { MagError } from './errors.ts';
import type { GuestStream } from './sandbox/cell.ts';

interface Entry {
  readonly demands: readonly Demand[];
  readonly stream: GuestStream;
}

/** The streams that endpoints have open: what takes an endpoint away ends them too, between two pieces as well. */
export class OpenStreams {
  readonly #gate: Gate;
  readonly #open = new Map<ExtensionId, Set<Entry>>();

  constructor(gate: Gate) {
    this.#gate = gate;
    gate.onChange((extension) => this.#review(extension));
  }

  /** @param demands what serving it takes, for as long as it is open */
  add(extension: ExtensionId, demands: readonly Demand[], stream: GuestStream): void {
    const entry: Entry = { demands, stream };
    const entries = this.#open.get(extension) ?? new Set();
    this.#open.set(extension, entries.add(entry));
    void stream.over.then(() => {
      entries.delete(entry);
      if (entries.size === 0 && this.#open.get(extension) === entries) this.#open.delete(extension);
    });
    this.#review(extension); // since the gate was asked, something may have been revoked
  }

  /** Ends all streams of an extension that serves nothing any more. */
  cut(extension: ExtensionId): void {
    const error = new MagError('E_NOT_ENABLED', 'the extension was stopped', { blame: { extension } });
    for (const { stream } of this.#open.get(extension) ?? []) stream.end(error);
  }

  #review(extension: ExtensionId): void {
    for (const { demands, stream } of this.#open.get(extension) ?? []) {
      const lost = demands.find((demand) => !this.#gate.covers(extension, demand));
      if (lost === undefined) continue;
      const detail = `${lost.capability} was revoked while the answer was being sent`;
      stream.end(new MagError('E_CAP_REVOKED', detail, { blame: { extension } }));
    }
  }
}
