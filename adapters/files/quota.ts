import type { Stats } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { MagError } from '../../kernel/errors.ts';
import { measure, minus, plus, type Usage } from './usage.ts';

/** What a folder may hold. Asked before something changes; what it hands back is called when that is done. */
export interface Quota {
  /** @throws `E_FILE_QUOTA` when there is no room */
  adding(added: Usage): Promise<() => void>;
  /** @param found what lies at the place */
  removing(place: string, found: Stats): Promise<() => void>;
  /** Whatever was counted is no longer so. */
  forget(): void;
}

/** So much for each extension, counted once and kept up to date. */
export class OwnQuota implements Quota {
  readonly #root: string;
  /** `null`: not counted yet, or a step between asking and being told has failed. */
  #usage: Usage | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  async adding(added: Usage): Promise<() => void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    this.#usage ??= await measure(this.#root);
    return this.#become(plus(this.#usage, added));
  }

  async removing(place: string, found: Stats): Promise<() => void> {
    const before = this.#usage;
    const gone = found.isDirectory() ? await measure(place) : { bytes: found.size, entries: 0 };
    return this.#become(before && minus(before, { bytes: gone.bytes, entries: gone.entries + 1 }));
  }

  forget(): void {
    this.#usage = null;
  }

  #become(after: Usage | null): () => void {
    this.#usage = null;
    return () => {
      this.#usage = after;
    };
  }
}

/** What must be left on the disk under a folder of the operator's, in bytes, and in files where it counts them. */
const LEFT_BYTES = 256 * 1_048_576;
const LEFT_FILES = 1_000;

/** The disk is shared with whatever else is on it: nothing is written that would fill it. */
export class DiskQuota implements Quota {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async adding(added: Usage): Promise<() => void> {
    const { bavail, bsize, files, ffree } = await statfs(this.#root);
    const isFull = bavail * bsize - added.bytes < LEFT_BYTES || (files > 0 && ffree < LEFT_FILES);
    if (isFull && (added.bytes > 0 || added.entries > 0))
      throw new MagError('E_FILE_QUOTA', 'The disk under the mount is nearly full.');
    return nothing;
  }

  async removing(): Promise<() => void> {
    return nothing;
  }

  forget(): void {}
}

function nothing(): void {}
