import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT_DIR } from '../../host/paths.ts';

/**
 * Copies what git knows, and what is new and not ignored: as a clone would be after the next commit.
 * @param accept of paths below the checkout
 */
export async function copyCheckout(
  to: string,
  accept: (path: string) => boolean = () => true,
): Promise<void> {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: ROOT_DIR,
    maxBuffer: 16_000_000,
  });
  for (const path of stdout.split('\0')) {
    if (path === '' || !accept(path)) continue;
    await mkdir(dirname(join(to, path)), { recursive: true });
    await cp(join(ROOT_DIR, path), join(to, path)).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code !== 'ENOENT') throw failure; // removed, and not committed yet
    });
  }
}
