import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { type FilePath, RESERVED_PREFIX, TEMP } from './file-path.ts';
import { OwnQuota, type Quota } from './quota.ts';
import { look, makeFolders, missingFolders, placeOf, requireFile, requireFolder } from './safe-folder.ts';
import { namesIn } from './usage.ts';

/** Largest file: as base64 it still fits a frame. */
export const MAX_FILE_BYTES = 700_000;

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

type Entry = HostCalls['files.list']['result']['entries'][number];

/** Who but the host may see what is made in a folder. */
export interface Modes {
  readonly file: number;
  readonly folder: number;
}

const FOR_HOST_ALONE: Modes = { file: 0o600, folder: 0o700 };

/**
 * What lies below the folder of one extension, or one that it is lent. Its changes wait for each other, so that the
 * quota holds whoever writes at once; reads need not wait, for a file is replaced as a whole.
 */
export class ExtensionFolder {
  readonly #root: string;
  readonly #quota: Quota;
  readonly #modes: Modes;
  #last: Promise<unknown> = Promise.resolve();

  /** @param root absolute; made when the first file is written */
  constructor(root: string, quota: Quota = new OwnQuota(root), modes: Modes = FOR_HOST_ALONE) {
    this.#root = root;
    this.#quota = quota;
    this.#modes = modes;
  }

  /** @throws `E_NOT_FOUND`, `E_FILE_PATH`, `E_LIMIT_OUTPUT` */
  async read(path: FilePath): Promise<Buffer> {
    const place = await placeOf(this.#root, path);
    const found = place === null ? null : await look(place);
    if (place === null || found === null) throw notFound();
    requireFile(found);
    // O_NONBLOCK: should it have become a pipe, opening it must not wait for somebody to write.
    await using handle = await open(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const opened = await handle.stat();
    requireFile(opened);
    if (opened.size > MAX_FILE_BYTES) throw tooLarge();
    const buffer = Buffer.alloc(opened.size);
    const { bytesRead } = await handle.read(buffer, 0, opened.size, 0);
    return buffer.subarray(0, bytesRead);
  }

  /** @throws `E_FILE_PATH`, `E_FILE_QUOTA`, `E_LIMIT_OUTPUT` */
  write(path: FilePath, content: Buffer): Promise<void> {
    if (content.length > MAX_FILE_BYTES) throw tooLarge();
    return this.#alone(async () => {
      const target = join(this.#root, ...path);
      const missing = await missingFolders(this.#root, path);
      const before = missing.length > 0 ? null : await look(target);
      if (before !== null) requireFile(before);
      const added = {
        bytes: content.length - (before?.size ?? 0),
        entries: missing.length + (before === null ? 1 : 0),
      };
      const done = await this.#quota.adding(added);
      await makeFolders(missing, this.#modes.folder);
      await this.#replace(target, content);
      done();
    });
  }

  /** Sorted by name, from behind `after`. @throws `E_NOT_FOUND`, `E_FILE_PATH` */
  async list(path: FilePath, after: string, limit: number): Promise<Entry[]> {
    const place = path.length === 0 ? this.#root : await placeOf(this.#root, path);
    const found = place === null ? null : await look(place);
    if (place === null || found === null) {
      if (path.length === 0 || (path.length === 1 && path[0] === TEMP)) return [];
      throw notFound();
    }
    requireFolder(found);
    const names = (await namesIn(place)).filter((name) => name > after && !name.startsWith(RESERVED_PREFIX));
    const entries: Entry[] = [];
    for (const name of names.sort()) {
      if (entries.length === limit) break;
      const entry = await describe(join(place, name), name);
      if (entry !== null) entries.push(entry);
    }
    return entries;
  }

  /** A file, or a folder with all that is in it. @throws `E_FILE_PATH` */
  remove(path: FilePath): Promise<boolean> {
    if (path.length === 0) throw new MagError('E_FILE_PATH', 'The folder itself stays.');
    return this.#alone(async () => {
      const place = await placeOf(this.#root, path);
      const found = place === null ? null : await look(place);
      if (place === null || found === null) return false;
      if (!found.isDirectory()) requireFile(found);
      const done = await this.#quota.removing(place, found);
      await rm(place, { recursive: found.isDirectory(), force: true }); // removes links in it, follows none
      done();
      return true;
    });
  }

  /** Removes the folder itself, or only the temporary one in it, whatever has taken its place. */
  clear(part: 'all' | 'temp'): Promise<void> {
    return this.#alone(async () => {
      this.#quota.forget();
      const place = part === 'all' ? this.#root : join(this.#root, TEMP);
      await rm(place, { recursive: true, force: true });
    });
  }

  /** In full beside it first, then put in its place in one step: nobody ever reads half of it. */
  async #replace(target: string, content: Buffer): Promise<void> {
    const beside = join(this.#root, `${RESERVED_PREFIX}${randomUUID()}`);
    try {
      {
        await using handle = await open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, this.#modes.file);
        await handle.writeFile(content);
        await handle.datasync();
      }
      await rename(beside, target);
    } catch (thrown) {
      await rm(beside, { force: true });
      throw thrown;
    }
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => undefined); // whoever asked for it is told
    return done;
  }
}

/** Anything but plain files and folders is not shown. */
async function describe(place: string, name: string): Promise<Entry | null> {
  const found = await look(place);
  if (found === null || (!found.isFile() && !found.isDirectory())) return null;
  return {
    name,
    kind: found.isFile() ? 'file' : 'folder',
    sizeBytes: found.isFile() ? found.size : 0,
    modifiedAt: found.mtime.toISOString(),
  };
}

function notFound(): MagError {
  return new MagError('E_NOT_FOUND', 'There is nothing at the path.');
}

function tooLarge(): MagError {
  return new MagError('E_LIMIT_OUTPUT', `A file is at most ${MAX_FILE_BYTES} bytes.`);
}
