import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { PACKAGE_FOLDERS } from '../../kernel/trust/entry-name.ts';

const TOP_FILES = ['manifest.json', 'README.md', 'LICENSE'];

/**
 * The files of an extension's folder that belong into its package, by name. Hidden files stay behind.
 * @throws `E_PKG_INVALID` for a link or anything else that is no plain file
 */
export async function collectFiles(dir: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const names = await readdir(dir);
  const isPacked = (name: string) => TOP_FILES.includes(name) || PACKAGE_FOLDERS.some((f) => f === name);
  for (const name of names.filter(isPacked).sort()) await collect(dir, name, files);
  return files;
}

async function collect(dir: string, name: string, into: Map<string, Uint8Array>): Promise<void> {
  const path = join(dir, name);
  const kind = await lstat(path);
  if (kind.isFile()) {
    into.set(name, await readFile(path));
  } else if (kind.isDirectory()) {
    const children = (await readdir(path)).filter((child) => !child.startsWith('.'));
    for (const child of children.sort()) await collect(dir, `${name}/${child}`, into);
  } else {
    throw new MagError(
      'E_PKG_INVALID',
      `${name} is a link or a special file; a package holds plain files only.`,
    );
  }
}
