import { constants, existsSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a cgroup can limit. */
export type Controller = 'memory' | 'pids' | 'cpu';
export const CONTROLLERS: readonly Controller[] = ['memory', 'pids', 'cpu'];

/** The cgroup the host was started in, fit to have groups of ours below it. */
export interface CgroupHome {
  readonly path: string;
  /** Those of ours it offers. */
  readonly controllers: readonly Controller[];
  /**
   * Processes to move into a group below first, the host and what it started: a cgroup that shares out
   * controllers may hold no process itself. Empty where that is not asked for.
   */
  readonly occupants: readonly number[];
}

/** The one folder that is made in the cgroup of the host. */
export function groupName(): string {
  return `magflock-${process.pid}`;
}

/** Why there is none, and what to do about it. */
export interface NoCgroup {
  readonly reason: string;
  readonly remedy: string;
}

const DELEGATE =
  'run the host as a systemd service with Delegate=yes, or in a container that may write its cgroup';

/**
 * Looks for the cgroup of this process (version 2). Changes nothing.
 * @param required controllers without which it is of no use
 */
export async function findCgroupHome(
  required: readonly Controller[] = ['memory'],
): Promise<CgroupHome | NoCgroup> {
  const path = await ownCgroup();
  if (path === null) return { reason: 'there is no cgroup v2', remedy: 'boot with cgroup v2' };
  if (path.includes(`/${groupName()}`)) {
    return { reason: 'this host has one in use already', remedy: 'start one sandbox in a process' };
  }
  const offered = await words(join(path, 'cgroup.controllers'));
  const controllers = CONTROLLERS.filter((name) => offered.includes(name));
  const missing = required.filter((name) => !controllers.includes(name));
  if (missing.length > 0) {
    const reason = `the cgroup of the host has no ${missing.join(', ')} controller of version 2`;
    return { reason, remedy: `boot with cgroup v2 alone, and ${DELEGATE}` };
  }
  if (!(await isWritable(path)))
    return { reason: 'the cgroup of the host is not writable', remedy: DELEGATE };
  const occupants = await occupantsToMove(path, controllers);
  if (occupants === null) return { reason: 'other programs share the cgroup of the host', remedy: DELEGATE };
  return { path, controllers, occupants };
}

async function ownCgroup(): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  const read = (file: string) => readFile(`/proc/self/${file}`, 'utf8').catch(() => '');
  return cgroupFolder(await read('mountinfo'), await read('cgroup'));
}

/**
 * The folder of a process's cgroup.
 * @param mounts the text of `/proc/<pid>/mountinfo`
 * @param membership the text of `/proc/<pid>/cgroup`
 */
export function cgroupFolder(mounts: string, membership: string): string | null {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  const mount = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2');
  const [, , , root, point] = mount ?? [];
  if (path === undefined || root === undefined || point === undefined || path.includes('/..')) return null;
  if (root === '/') return join(point, path);
  return path === root || path.startsWith(`${root}/`) ? join(point, path.slice(root.length)) : null;
}

async function isWritable(path: string): Promise<boolean> {
  const files = [path, join(path, 'cgroup.subtree_control'), join(path, 'cgroup.procs')];
  const checks = files.map((file) => access(file, constants.W_OK));
  return (await Promise.allSettled(checks)).every(({ status }) => status === 'fulfilled');
}

/** `null`: there are processes in it that are not ours to move. */
async function occupantsToMove(path: string, controllers: readonly Controller[]): Promise<number[] | null> {
  // The root of the whole hierarchy alone has no type, and alone may hold processes and share out.
  if (!existsSync(join(path, 'cgroup.type'))) return [];
  const shared = await words(join(path, 'cgroup.subtree_control'));
  if (controllers.every((name) => shared.includes(name))) return [];
  const occupants = (await words(join(path, 'cgroup.procs'))).map(Number);
  const ours = await Promise.all(occupants.map(isOurs));
  return ours.every(Boolean) ? occupants : null;
}

/** This process or one it started. */
async function isOurs(pid: number): Promise<boolean> {
  for (let at = pid; at > 1; at = await parentOf(at)) if (at === process.pid) return true;
  return pid === process.pid;
}

async function parentOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^PPid:\s*(\d+)/m.exec(text)?.[1] ?? 0);
}

/** The words of a file; none when it cannot be read. */
export async function words(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split(/\s+/).filter(Boolean);
}
