import type { Stats } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import type { FilePath } from './file-path.ts';

/*
 * Why looking first and acting then is sound here: below the data folder only the host writes, it makes no
 * links, and it does one write of an extension at a time. Cells run without the right to open anything there,
 * and where the host is root as another account, which cannot enter the folder (mode 0700). A link in it was
 * put there by somebody with the rights of the host; the checks keep such a mistake from becoming a way out,
 * they do not race an attacker. The last name is opened with O_NOFOLLOW besides. Into a folder that the operator
 * lends, others write too: those the operator trusts, says the guide.
 */

/** What lies at a place, links seen as links; `null`: nothing. */
export async function look(place: string): Promise<Stats | null> {
  try {
    return await lstat(place);
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    throw thrown;
  }
}

/**
 * The place of a path, every folder above it looked at.
 * @returns `null` when one of them does not exist
 * @throws `E_FILE_PATH` when one of them is no folder
 */
export async function placeOf(root: string, path: FilePath): Promise<string | null> {
  let place = root;
  if ((await look(root)) === null) return null;
  for (const name of path.slice(0, -1)) {
    place = join(place, name);
    const found = await look(place);
    if (found === null) return null;
    requireFolder(found);
  }
  return join(place, ...path.slice(-1));
}

/** The folders above a path that do not exist yet, topmost first. @throws `E_FILE_PATH` */
export async function missingFolders(root: string, path: FilePath): Promise<string[]> {
  const missing: string[] = [];
  let place = root;
  for (const name of path.slice(0, -1)) {
    place = join(place, name);
    const found = missing.length > 0 ? null : await look(place);
    if (found === null) missing.push(place);
    else requireFolder(found);
  }
  return missing;
}

export async function makeFolders(places: readonly string[], mode: number): Promise<void> {
  for (const place of places) await mkdir(place, { mode });
}

/** @throws `E_FILE_PATH` */
export function requireFolder(found: Stats): void {
  if (!found.isDirectory()) throw new MagError('E_FILE_PATH', 'What lies at the path is no folder.');
}

/**
 * A plain file that lies nowhere else: a second name would be a way out, or in.
 * @throws `E_FILE_PATH`
 */
export function requireFile(found: Stats): void {
  if (!found.isFile() || found.nlink > 1) {
    throw new MagError('E_FILE_PATH', 'What lies at the path is no plain file.');
  }
}

/** Whether the error says that there is nothing. */
export function isMissing(thrown: unknown): boolean {
  return (
    thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR')
  );
}
