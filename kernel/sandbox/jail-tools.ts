import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The programs a jail is built with, absolute; `null` for one this machine does not have. */
export interface JailTools {
  /** New namespaces (util-linux). */
  readonly unshare: string | null;
  /** Account, capabilities, `no_new_privs`, the signal at the end of the parent (util-linux). */
  readonly setpriv: string | null;
  /** Resource limits (util-linux). */
  readonly prlimit: string | null;
  /** Shows what a process became: only to look whether the others did what they were told. */
  readonly cat: string | null;
}

/** Only where the system puts its own programs: `PATH` is for its user to change. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/run/current-system/sw/bin'];

/** Looks for the programs. Runs none of them. */
export function findJailTools(platform: string = process.platform): JailTools {
  const find = (name: string) =>
    platform === 'linux' ? (FOLDERS.map((folder) => join(folder, name)).find(existsSync) ?? null) : null;
  return { unshare: find('unshare'), setpriv: find('setpriv'), prlimit: find('prlimit'), cat: find('cat') };
}
