import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT_DIR } from '../../host/paths.ts';

const MODULES = join(ROOT_DIR, 'node_modules');

/** Puts the tools a new extension asks npm for into its folder, as `npm install` would, without a network. */
export async function installTools(dir: string): Promise<void> {
  await mkdir(join(dir, 'node_modules'), { recursive: true });
  for (const name of ['vitest', 'typescript', '@biomejs']) {
    await symlink(join(MODULES, name), join(dir, 'node_modules', name));
  }
}

/** Runs a tool of this checkout in a folder. @returns what it said; the empty text when it has nothing to say */
export async function runTool(dir: string, tool: string, ...args: string[]): Promise<string> {
  const run = promisify(execFile)(join(MODULES, '.bin', tool), args, { cwd: dir });
  return run.then(
    ({ stdout }) => stdout,
    (failure: { stdout: string; stderr: string }) => `failed: ${failure.stdout}${failure.stderr}`,
  );
}
