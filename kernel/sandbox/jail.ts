import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MagError } from '../errors.ts';

/** The files a cell needs, all absolute. */
export interface CellFiles {
  readonly node: string;
  readonly runner: string;
  readonly addon: string;
}

/** Numbers without an account. Each cell of a host gets its own, so that one cannot signal another. */
const FIRST_UID = 200_000;
const UIDS = 60_000;

/** Megabytes of the runner's own heap, beside the isolate. */
const RUNNER_HEAP_MB = 64;

/** The flags of a cell: no child process, worker or inspector, and no file but its own program to read. */
export function jailFlags(files: CellFiles, options: { jit: boolean; memoryMb: number }): string[] {
  return [
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${files.runner}`,
    `--allow-fs-read=${files.addon}`,
    '--no-node-snapshot',
    '--disable-sigusr1',
    '--disable-proto=delete',
    '--disable-warning=PERM0001',
    `--max-old-space-size=${options.memoryMb + RUNNER_HEAP_MB}`,
    ...(options.jit ? [] : ['--jitless']),
  ];
}

/** Where util-linux and busybox have it. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];

/** What a cell is started through, so that no program it might come to run gains rights by being set-uid. */
export function jailWrapper(): string[] {
  const setpriv = process.platform === 'linux' ? SETPRIV.find((file) => existsSync(file)) : undefined;
  return setpriv === undefined ? [] : [setpriv, '--no-new-privs', '--'];
}

/** Hands out user ids for cells: a new one each time, `null` where the host may not change its own. */
export function createUidSource(): () => number | null {
  // A random start: two hosts on one machine rarely meet.
  let next = Math.floor(Math.random() * UIDS);
  return () => (process.getuid?.() === 0 ? FIRST_UID + (next++ % UIDS) : null);
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
