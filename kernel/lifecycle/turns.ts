import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** One at a time on each extension of this host: whoever moves it finds nobody else moving it. */
export class Turns {
  readonly #last = new Map<ExtensionId, Promise<void>>();

  /** Whether somebody has the turn on the extension, or waits for it. */
  isTaken(id: ExtensionId): boolean {
    return this.#last.has(id);
  }

  /** Runs `work` when everybody before it is done with these extensions. */
  async take<Result>(ids: readonly ExtensionId[], work: () => Promise<Result>): Promise<Result> {
    const before = ids.map((id) => this.#last.get(id));
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    for (const id of ids) this.#last.set(id, done);
    await Promise.all(before);
    try {
      return await work();
    } finally {
      for (const id of ids) if (this.#last.get(id) === done) this.#last.delete(id);
      finish();
    }
  }
}
