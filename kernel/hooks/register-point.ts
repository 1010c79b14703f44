import type { HookName } from '../../manifests/catalog/index.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { Contributed, ContributionKind, ContributionOf, RegisterPoint } from './hook-point.ts';

/** Keeps what the manifests of enabled extensions declare of one kind. */
export class LiveRegisterPoint<Kind extends ContributionKind> implements RegisterPoint<Kind> {
  readonly name: HookName;
  readonly #kind: Kind;
  readonly #declared = new Map<ExtensionId, readonly Contributed<ContributionOf<Kind>>[]>();
  readonly #listeners: (() => void)[] = [];

  constructor(name: HookName, kind: Kind) {
    this.name = name;
    this.#kind = kind;
  }

  isUsed(): boolean {
    return this.#declared.size > 0;
  }

  list(): readonly Contributed<ContributionOf<Kind>>[] {
    return [...this.#declared.values()].flat();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  declare({ id, contributes }: Manifest): void {
    const values: readonly ContributionOf<Kind>[] = contributes[this.#kind];
    if (values.length === 0) {
      this.withdraw(id);
      return;
    }
    const declared = values.map((value) => ({ extension: id, value }));
    this.#declared.set(id, declared);
    this.#changed();
  }

  withdraw(id: ExtensionId): void {
    if (this.#declared.delete(id)) this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
