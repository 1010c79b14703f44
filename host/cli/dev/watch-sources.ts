import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PACKAGE_FOLDERS } from '../../../kernel/trust/entry-name.ts';

/** Editors write a file in several steps, and often several files: one change begins when it is this quiet. */
const QUIET_MS = 25;
const SOURCES = 'src';

/** Watches what a package is made of, from when it is opened. */
export class SourceWatch implements Disposable {
  readonly #dir: string;
  /** By their folders. */
  readonly #watched = new Map<string, FSWatcher>();
  /** When the first change was that nobody asked for yet. */
  #changedAt: number | null = null;
  #wake = () => {};

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async open(dir: string): Promise<SourceWatch> {
    const watched = new SourceWatch(dir);
    const names = await readdir(dir);
    // Not all of it: node_modules may be large, and what packing itself writes is no change.
    const own = watch(dir, (_, name) => watched.#touched(name, names.includes(SOURCES)));
    watched.#watched.set(dir, own);
    for (const name of names) if (isSource(name, names.includes(SOURCES))) watched.#follow(join(dir, name));
    return watched;
  }

  /**
   * Yields the time (`performance.now()`) of the first of each group of changes, until the signal aborts. What
   * changes while a group is being worked on is the next one: nothing is missed.
   */
  async *changes(signal: AbortSignal): AsyncGenerator<number> {
    signal.addEventListener('abort', () => this.#wake());
    while (!signal.aborted) {
      if (this.#changedAt === null) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#changedAt === null) continue;
      const at = this.#changedAt;
      await pause(QUIET_MS);
      this.#changedAt = null;
      if (!signal.aborted) yield at;
    }
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watched.values()) watcher.close();
  }

  #touched(name: string | null, fromSources: boolean): void {
    if (name !== null && name !== 'manifest.json' && !isSource(name, fromSources)) return;
    if (name !== null && name !== 'manifest.json') this.#follow(join(this.#dir, name));
    this.#changed();
  }

  /**
   * A folder and those below it, again when there is another one of the name. Each has a watcher: a recursive one of
   * Node follows single files on Linux, and loses those that an editor or git replaced.
   */
  #follow(folder: string): void {
    this.#forget(folder);
    try {
      const watcher = watch(folder, (kind, name) => {
        if (kind === 'rename' && name !== null) this.#follow(join(folder, name));
        this.#changed();
      });
      watcher.on('error', () => this.#changed());
      this.#watched.set(folder, watcher);
      for (const below of readdirSync(folder, { withFileTypes: true }))
        if (below.isDirectory()) this.#follow(join(folder, below.name));
    } catch {
      this.#forget(folder); // it is a file, or gone again
    }
  }

  #forget(folder: string): void {
    for (const [path, watcher] of this.#watched) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watcher.close();
      this.#watched.delete(path);
    }
  }

  #changed(): void {
    this.#changedAt ??= performance.now();
    this.#wake();
  }
}

/** `dist` is only a source where there is nothing that it is made from. */
function isSource(name: string, fromSources: boolean): boolean {
  if (name === SOURCES) return true;
  return PACKAGE_FOLDERS.some((folder) => folder === name) && !(fromSources && name === 'dist');
}
