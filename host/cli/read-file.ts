import { readFile } from 'node:fs/promises';
import { MagError } from '../../kernel/errors.ts';

/** A file named on the command line. @throws `E_NOT_FOUND`, `E_BAD_REQUEST` */
export async function readFileOrRefuse(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    if (isMissing(cause)) throw new MagError('E_NOT_FOUND', `there is no ${what} ${file}`, { cause });
    throw new MagError('E_BAD_REQUEST', `cannot read the ${what} ${file}`, { cause });
  }
}

/** A file that may be missing. */
export async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
