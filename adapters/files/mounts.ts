import { realpath, rm, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { ExtensionFolder } from './extension-folder.ts';
import { type FilePath, MOUNTS, RESERVED_PREFIX } from './file-path.ts';
import { DiskQuota } from './quota.ts';
import { look } from './safe-folder.ts';
import { namesIn } from './usage.ts';

/** A folder of the operator's that extensions may be lent. */
export interface Mount {
  /** Absolute. */
  readonly path: string;
  readonly isReadOnly: boolean;
}

interface Lent {
  readonly folder: ExtensionFolder;
  readonly isReadOnly: boolean;
}

/** Modes that leave it to the operator's umask who else may read what extensions write. */
const SHARED = { file: 0o666, folder: 0o777 } as const;
/** Nobody writes one file for that long: what is half written since then nobody will finish. */
const ABANDONED_MS = 3_600_000;

/** The folders that the operator lends, by name. They are the same ones for every extension and tenant. */
export class Mounts {
  readonly #lent: ReadonlyMap<string, Lent>;

  private constructor(lent: ReadonlyMap<string, Lent>) {
    this.#lent = lent;
  }

  /** @throws `E_CONFIG` when one is no folder */
  static async open(mounts: ReadonlyMap<string, Mount>): Promise<Mounts> {
    const lent = new Map<string, Lent>();
    for (const [name, mount] of mounts) {
      const path = await folderAt(name, mount);
      const folder = new ExtensionFolder(path, new DiskQuota(path), SHARED);
      lent.set(name, { folder, isReadOnly: mount.isReadOnly });
    }
    return new Mounts(lent);
  }

  /** @throws `E_NOT_FOUND` when there is none of this name, `E_FILE_PATH` when it is to be written and may not */
  folder(name: string, isWritten: boolean): ExtensionFolder {
    const lent = this.#lent.get(name);
    if (lent === undefined) throw new MagError('E_NOT_FOUND', `This host has no mount ${name}.`);
    if (isWritten && lent.isReadOnly)
      throw new MagError('E_FILE_PATH', `The mount ${name} is for reading only.`);
    return lent.folder;
  }
}

/** The mount that a path leads into, and the path in it; `null`: into none. @throws `E_FILE_PATH` when it names none */
export function intoMount([top, name, ...rest]: FilePath): { name: string; path: FilePath } | null {
  if (top !== MOUNTS) return null;
  if (name === undefined) throw new MagError('E_FILE_PATH', `Below ${MOUNTS} comes the name of a mount.`);
  return { name, path: rest };
}

async function folderAt(name: string, { path, isReadOnly }: Mount): Promise<string> {
  const found = isAbsolute(path) ? await stat(path).catch(() => null) : null;
  if (found?.isDirectory() !== true)
    throw new MagError('E_CONFIG', `MAG_MOUNTS: ${name} is no folder with an absolute path.`);
  const real = await realpath(path);
  if (!isReadOnly) await sweep(real);
  return real;
}

/** What a crash left half written. Other hosts may be writing here at this moment. */
async function sweep(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.startsWith(RESERVED_PREFIX)) continue;
    const found = await look(join(folder, name));
    if (found !== null && found.mtimeMs < Date.now() - ABANDONED_MS)
      await rm(join(folder, name), { force: true, recursive: true });
  }
}
