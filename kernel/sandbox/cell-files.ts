import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MagError } from '../errors.ts';

/** The files a cell needs, all absolute. */
export interface CellFiles {
  readonly node: string;
  readonly runner: string;
  readonly addon: string;
}

/**
 * Checks that a cell can read its files, under another uid when the host is root.
 * @throws `E_CONFIG` naming the file and what to do
 */
export async function checkFiles(files: CellFiles): Promise<void> {
  for (const file of [files.node, files.runner, files.addon]) {
    await access(file).catch((cause) => {
      throw new MagError('E_CONFIG', `cells cannot start: ${file} is missing`, { cause });
    });
    if (process.getuid?.() === 0) await checkReadableByAll(file);
  }
}

async function checkReadableByAll(file: string): Promise<void> {
  await checkMode(file, constants.S_IROTH, file);
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    await checkMode(folder, constants.S_IXOTH, file);
    if (folder === dirname(folder)) return;
  }
}

async function checkMode(path: string, needed: number, file: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & needed) === needed) return;
  throw new MagError(
    'E_CONFIG',
    `the host runs as root, so its cells run under other user ids, and those cannot read ${file}: run ` +
      `"chmod o+${needed === constants.S_IXOTH ? 'x' : 'r'} ${path}", install MagFlock where every user can ` +
      'read it, or start it as a user other than root',
  );
}
