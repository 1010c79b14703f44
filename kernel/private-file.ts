import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { chown, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from './make-folder.ts';

/** Names of files that are being written begin so; nothing else does. */
export const UNFINISHED = '.mag-';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NONBLOCK } = constants;
/** What any account but the owner could do with it. */
const OTHERS = 0o077;

/** `unusable`: it is there, and not to be used; `why` is for the operator and says nothing of what is in it. */
export type PrivateFile =
  | { readonly state: 'present'; readonly content: Buffer }
  | { readonly state: 'missing' }
  | { readonly state: 'unusable'; readonly why: string };

/**
 * Reads a file that only the account of the host may read, as ssh asks of keys: mode 0600 or less, owned by this
 * account, root or whoever owns the folder around `root`, in a tree that begins with one of mode 0700. Never throws.
 * @param root the folder of the tree; what lies below it is as closed as it is
 */
export async function readPrivateFile(root: string, file: string, maxBytes: number): Promise<PrivateFile> {
  try {
    const around = await stat(dirname(root)); // whoever owns it could replace all that is in it
    const folder = problemOf(await stat(root), around.uid, 'its folder');
    // O_NONBLOCK: should it be a pipe, opening it must not wait for somebody to write.
    await using handle = await open(file, O_RDONLY | O_NONBLOCK);
    const found = await handle.stat();
    if (!found.isFile()) return unusable('it is no file');
    const problem = folder ?? problemOf(found, around.uid, 'it');
    if (problem !== null) return unusable(problem);
    if (found.size > maxBytes) return unusable(`it is larger than ${maxBytes} bytes`);
    return { state: 'present', content: await handle.readFile() };
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { state: 'missing' }
      : unusable(`it cannot be read (${code})`);
  }
}

/**
 * Writes such a file whole: a reader sees the old content or the new. Folders on the way are made, root
 * included. Written by root (`sudo mag …`), all of it belongs to who owns the folder around `root`.
 */
export async function writePrivateFile(root: string, file: string, content: string | Buffer): Promise<void> {
  const owner = await ownerToGive(root);
  await makeFolders(root, dirname(file), owner);
  const beside = join(dirname(file), `${UNFINISHED}${randomUUID()}`);
  try {
    {
      await using handle = await open(beside, O_WRONLY | O_CREAT | O_EXCL, 0o600);
      if (owner !== null) await handle.chown(owner.uid, owner.gid);
      await handle.writeFile(content);
      await handle.datasync();
    }
    await rename(beside, file);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}

async function makeFolders(root: string, folder: string, owner: Stats | null): Promise<void> {
  if (folder === root) await makeFolder(dirname(root));
  else await makeFolders(root, dirname(folder), owner);
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return;
    throw thrown;
  }
  if (owner !== null) await chown(folder, owner.uid, owner.gid);
}

/** Whoever owns the folder around the root, when it is another account that root writes for. */
async function ownerToGive(root: string): Promise<Stats | null> {
  if (process.getuid?.() !== 0) return null;
  const around = await stat(dirname(root)).catch(() => null);
  return around === null || around.uid === 0 ? null : around;
}

function problemOf({ mode, uid }: Stats, ownerUid: number, what: string): string | null {
  if ((mode & OTHERS) !== 0) return `${what} is open to other accounts; chmod go-rwx it`;
  return [process.getuid?.(), ownerUid, 0].includes(uid) ? null : `${what} belongs to another account`;
}

function unusable(why: string): PrivateFile {
  return { state: 'unusable', why };
}
