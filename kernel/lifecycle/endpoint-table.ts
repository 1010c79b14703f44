import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { ServedEndpoint } from '../operator.ts';

/** The endpoints served now. Whoever routes to them is told when the table changes. */
export class EndpointTable {
  readonly #served = new Map<ExtensionId, readonly ServedEndpoint[]>();
  readonly #listeners: (() => void)[] = [];

  list(): readonly ServedEndpoint[] {
    return [...this.#served.values()].flat();
  }

  serve({ id, contributes }: Manifest): void {
    this.#served.set(
      id,
      contributes.endpoints.map((endpoint) => ({ extension: id, endpoint })),
    );
    this.#changed();
  }

  withdraw(id: ExtensionId): void {
    if (this.#served.delete(id)) this.#changed();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
