import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../kernel/errors.ts';

/**
 * The name of a data folder among those that share a database, kept in its file `node.id`.
 * @throws `E_CONFIG` when the file cannot be read or written
 */
export async function nodeIdOf(dataDir: string): Promise<string> {
  const file = join(dataDir, 'node.id');
  try {
    // Only the first of two writers wins, and both read what it wrote.
    await writeFile(file, `${randomUUID()}\n`, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new MagError('E_CONFIG', 'the file node.id in the data folder cannot be read or written', {
      cause,
    });
  }
}
